//! Rotates the secret of an alert source. The previous secret stays valid for a while, so that no sender is refused
//! meanwhile.

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

/// Longest time for which the previous secret may stay valid: 30 days, in hours.
const MAX_OVERLAP_HOURS: u16 = 30 * 24;

/// How a secret is rotated.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The new secret, if the sender generated it. Otherwise it is generated here.
    pub secret: Option<SecretString>,
    /// Number of hours for which the previous secret stays valid. Zero if the secret has leaked.
    pub overlap_hours: u16,
}

/// Rotates the secret of an alert source. While a previous secret is still valid, only a rotation without an overlap is
/// allowed. Otherwise a client that repeats its request after a lost response would invalidate the secret that the
/// senders still use. Setting the current secret changes nothing.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source, [`AppError::Invalid`] naming the field that is wrong.
#[instrument(skip_all, fields(alert_source.id = %id))]
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
    if rotation.overlap_hours > MAX_OVERLAP_HOURS {
        let reason = format!("the previous secret can stay valid for at most {MAX_OVERLAP_HOURS} hours");
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
            let reason = "the previous secret is still valid: set this to 0 to invalidate both it and the current secret \
                          at once";
            return Err(AppError::invalid("overlap_hours", reason));
        }
        let key = super::own_key(store, id, &source.kind, secret).await?;
        let previous = PreviousSecret { secret: source.secret.clone(), key: source.key.clone(), until };
        let step = source.amend(now)?.because(by.to_string(), "its secret was replaced").with(|source| {
            // If the hash of the secret has not changed, it leads to the source once and not twice.
            let is_another = key.is_none() || previous.key != key;
            source.previous = Some(previous).filter(|previous| previous.holds(now) && is_another);
            (source.secret, source.key) = (sealed.clone(), key);
        });
        super::commit(store, allowed, &source, step, (random, now)).await
    })
    .await
}
