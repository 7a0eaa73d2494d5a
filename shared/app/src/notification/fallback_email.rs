//! Sends a fallback email to a person whose notification fails on its method.

use domain::Timestamp;
use domain::notification::Notification;
use machine::Transition;
use store::Store;
use tracing::warn;

use crate::AppError;

/// The fallback email for a notification whose attempt has just failed, `for_good` or once more; `None` if there is one
/// already, or if the person gets an email anyway.
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
        "notification failed on its method, falling back to email"
    );
    Ok(Some(mail))
}
