//! Changes the role of a person.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry, changes};
use domain::id::{AuditId, UserId};
use domain::user::{Role, User};
use domain::{Actor, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use super::methods::load;
use crate::{AppError, Random};

/// Changes the role of a person. Only an owner may add or remove owners, and one owner always remains.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such person, [`AppError::Illegal`] if nobody would be left to own it all.
#[instrument(skip_all, fields(user.id = %id))]
pub async fn set(
    store: &Store,
    by: &Actor,
    id: UserId,
    role: Role,
    random: &Random,
    now: Timestamp,
) -> Result<User, AppError> {
    let allowed = by.may(Permission::ManageUsers)?;
    retry_conflicts(|| async move {
        let before = load(store, by.org(), id).await?;
        if before.role == role {
            return Ok(before);
        }
        let after = User { role, version: before.version + 1, ..before.clone() };
        let entry =
            AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Updated, super::thing(&after))
                .changing(changes(Some(&before), Some(&after)));
        let commit = Commit::new().user(&after, &entry);
        let commit = if before.role == Role::Owner || role == Role::Owner {
            by.may(Permission::ManageOwners)?;
            let org =
                store.org(by.org()).await?.ok_or_else(|| AppError::not_found("organisation", by.org()))?;
            let org = if role == Role::Owner { Some(org.with_owner(id)) } else { org.without_owner(id) };
            commit.org_changed(&org.ok_or_else(no_owner)?)
        } else {
            commit
        };
        store.commit(commit).await?;
        Ok(after)
    })
    .await
}

/// The error for removing the last owner.
pub(super) fn no_owner() -> AppError {
    AppError::Illegal("this is the only owner: make another person an owner first".to_owned())
}
