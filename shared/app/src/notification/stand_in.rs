//! Mails a person whose other method does not get through: what was meant to reach them shall reach them.

use domain::Timestamp;
use domain::page::Page;
use machine::Transition;
use store::Store;
use tracing::warn;

use crate::AppError;

/// The page that stands in for one that has just failed, `for_good` or once more; none if there is one already, or
/// if the person is mailed anyway.
pub(super) async fn stand_in(
    store: &Store,
    page: &Page,
    for_good: bool,
    now: Timestamp,
) -> Result<Option<Transition<Page>>, AppError> {
    if !page.wants_stand_in(for_good) {
        return Ok(None);
    }
    let Some(user) = store.user(page.org, page.user).await? else { return Ok(None) };
    let Some(mail) = page.stand_in(&user, now) else { return Ok(None) };
    let id = &mail.after().id;
    if store.page(page.org, page.escalation, id).await?.is_some() {
        return Ok(None);
    }
    warn!(page.key = page.idempotency_key(), "a page does not get through: a mail stands in for it");
    Ok(Some(mail))
}
