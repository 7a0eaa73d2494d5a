//! Removes a person: they are no longer notified, and their sessions stop working.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry};
use domain::id::{AuditId, UserId};
use domain::user::Role;
use domain::{Actor, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use super::methods::load;
use super::role::no_owner;
use crate::{AppError, Random};

/// Removes a person. A level that named only them notifies the fallback contact.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such person, [`AppError::Illegal`] if they are the only owner.
#[instrument(skip_all, fields(user.id = %id))]
pub async fn remove(
    store: &Store,
    by: &Actor,
    id: UserId,
    random: &Random,
    now: Timestamp,
) -> Result<(), AppError> {
    let allowed = by.may(Permission::ManageUsers)?;
    retry_conflicts(|| async move {
        let user = load(store, by.org(), id).await?;
        let org = store.org(by.org()).await?.ok_or_else(|| AppError::not_found("organisation", by.org()))?;
        let rest = if user.role == Role::Owner {
            by.may(Permission::ManageOwners)?;
            org.without_owner(id).ok_or_else(no_owner)?
        } else {
            org.clone()
        };
        let rest = if rest.fallback == id { rest.without_fallback(id) } else { rest };
        let entry =
            AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Deleted, super::thing(&user));
        let commit = Commit::new().without_user(&user, &entry);
        let changed = domain::org::Org { version: org.version + 1, ..rest.clone() };
        let commit = if rest == org { commit } else { commit.org_changed(&changed) };
        Ok(store.commit(commit).await?)
    })
    .await
}
