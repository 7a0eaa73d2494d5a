//! Replaces an alert source's secret; the one before holds for a while, so that no sender is refused meanwhile.

use domain::access::Permission;
use domain::audit::{Did, Entry, changes};
use domain::id::{AuditId, SourceId};
use domain::source::{Previous, Source};
use domain::{Actor, Timestamp};
use jiff::SignedDuration;
use machine::{Stateful, retry_conflicts};
use secrecy::{ExposeSecret, SecretString};
use store::{Commit, Store};
use tracing::instrument;

use super::create::SECRET_BYTES;
use super::find;
use crate::seal::Seal;
use crate::{AppError, Random};

/// How long the secret before may hold: long enough for every sender, and no secret holds for ever.
const LONGEST_HOURS: u16 = 30 * 24;

/// A secret as it is to be replaced.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The new one, if its sender made it; else we do.
    pub secret: Option<SecretString>,
    /// For how many hours the one before holds; none, if somebody has it who should not.
    pub overlap_hours: u16,
}

/// Replaces a source's secret. One that a rotation before this has replaced holds no longer.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source, [`AppError::Invalid`] naming the field that is wrong.
#[instrument(skip_all, fields(alert_source.id = %id), err)]
pub async fn rotate(
    store: &Store,
    seal: &Seal,
    by: &Actor,
    (id, rotation): (SourceId, &Rotation),
    random: &Random,
    now: Timestamp,
) -> Result<Source, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let (org, by) = (by.org(), by.identity());
    if let Some(secret) = &rotation.secret {
        super::check_secret(secret)?;
    }
    if rotation.overlap_hours > LONGEST_HOURS {
        let reason = format!("a secret that was replaced holds for at most {LONGEST_HOURS} hours");
        return Err(AppError::invalid("overlap_hours", reason));
    }
    let secret = rotation.secret.clone().unwrap_or_else(|| seal.random_token(SECRET_BYTES).into());
    let (secret, sealed) = (&secret, super::seal_secret(seal, id, secret.expose_secret()));
    let until = now + SignedDuration::from_hours(rotation.overlap_hours.into());
    let sealed = &sealed;
    retry_conflicts(|| async move {
        let source = find(store, org, id).await?;
        let before = source.clone();
        let key = super::own_key(store, id, &source.kind, secret).await?;
        let previous = Previous { secret: before.secret.clone(), key: before.key.clone(), until };
        let step = source.amend(now)?.because(by.to_string(), "its secret was replaced").with(|source| {
            // A key that is set anew to what it was leads to its source once.
            let is_another = key.is_none() || previous.key != key;
            source.previous = Some(previous).filter(|previous| previous.holds(now) && is_another);
            (source.secret, source.key) = (sealed.clone(), key);
        });
        let after = step.after().clone();
        let entry = Entry::of(&allowed, AuditId::new(now, random()), Did::Updated, super::thing(&after))
            .changing(changes(Some(&before), Some(&after)));
        store.commit(Commit::new().source(step, Some(&before), &entry)).await?;
        Ok(after)
    })
    .await
}
