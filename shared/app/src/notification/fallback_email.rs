//! Mails a person whose other method does not get through: what was meant to reach them shall reach them.

use domain::Timestamp;
use domain::notification::Notification;
use machine::Transition;
use store::Store;
use tracing::warn;

use crate::AppError;

/// The page that stands in for one that has just failed, `for_good` or once more; none if there is one already, or
/// if the person is mailed anyway.
pub(super) async fn fallback_email(
    store: &Store,
    notification: &Notification,
    for_good: bool,
    now: Timestamp,
) -> Result<Option<Transition<Notification>>, AppError> {
    if !notification.needs_fallback_email(for_good) {
        return Ok(None);
    }
    let Some(user) = store.user(notification.org, notification.user).await? else { return Ok(None) };
    let Some(mail) = notification.fallback_email(&user, now) else { return Ok(None) };
    let id = &mail.after().id;
    if store.notification(notification.org, notification.escalation, id).await?.is_some() {
        return Ok(None);
    }
    warn!(
        notification.key = notification.idempotency_key(),
        "a page does not get through: a mail stands in for it"
    );
    Ok(Some(mail))
}
