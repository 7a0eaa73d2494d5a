//! Ends a session: its token stops working at once.

use domain::audit::{AuditAction, AuditEntry};
use domain::id::AuditId;
use domain::user::User;
use domain::{Actor, Timestamp};
use store::{Commit, Store};
use tracing::instrument;

use crate::{AppError, Random};

/// Ends the session of a person.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all)]
pub async fn end(
    store: &Store,
    (actor, user): (&Actor, &User),
    token: &str,
    random: &Random,
    now: Timestamp,
) -> Result<(), AppError> {
    let entry = AuditEntry::session(actor, AuditId::new(now, random()), AuditAction::SignedOut, &user.name);
    Ok(store.commit(Commit::new().without_session(token).audited(&entry)).await?)
}
