//! Replaces an alert source's secret; the one before holds for a while, so that no sender is refused meanwhile.

use domain::access::Permission;
use domain::id::SourceId;
use domain::source::{PreviousSecret, Source};
use domain::{Actor, Timestamp};
use jiff::SignedDuration;
use machine::{Stateful, retry_conflicts};
use secrecy::{ExposeSecret, SecretString};
use store::Store;
use tracing::instrument;

use super::create::SECRET_BYTES;
use super::find;
use crate::seal::Seal;
use crate::{AppError, Random};

/// How long the previous secret stays valid by default, in hours.
pub const DEFAULT_OVERLAP_HOURS: u16 = 24;

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

/// Replaces a source's secret. While one that was replaced still holds, the next is replaced at once or not at all: who
/// asks again because the answer was lost shall not take from the senders the secret that they have. The secret that it
/// has already changes nothing.
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
        if super::has_secret(seal, &source, secret) {
            return Ok(source);
        }
        let holds = source.previous.as_ref().is_some_and(|previous| previous.holds(now));
        if holds && rotation.overlap_hours > 0 {
            let reason =
                "the secret before still holds: say 0 to let neither it nor the present one hold any longer";
            return Err(AppError::invalid("overlap_hours", reason));
        }
        let key = super::own_key(store, id, &source.kind, secret).await?;
        let previous = PreviousSecret { secret: source.secret.clone(), key: source.key.clone(), until };
        let step = source.amend(now)?.because(by.to_string(), "its secret was replaced").with(|source| {
            // A key that is set anew to what it was leads to its source once.
            let is_another = key.is_none() || previous.key != key;
            source.previous = Some(previous).filter(|previous| previous.holds(now) && is_another);
            (source.secret, source.key) = (sealed.clone(), key);
        });
        super::commit(store, allowed, &source, step, (random, now)).await
    })
    .await
}
