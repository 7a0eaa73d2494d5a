//! Ends a session: whoever has its token is nobody at once.

use domain::audit::{AuditAction, Entry};
use domain::id::AuditId;
use domain::user::User;
use domain::{Actor, Timestamp};
use store::{Commit, Store};
use tracing::instrument;

use crate::{AppError, Random};

/// Ends somebody's own session.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, err)]
pub async fn end(
    store: &Store,
    (actor, user): (&Actor, &User),
    token: &str,
    random: &Random,
    now: Timestamp,
) -> Result<(), AppError> {
    let entry = Entry::session(actor, AuditId::new(now, random()), AuditAction::SignedOut, &user.name);
    Ok(store.commit(Commit::new().without_session(token).audited(&entry)).await?)
}
