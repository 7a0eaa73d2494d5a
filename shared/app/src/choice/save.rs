//! Saves a choice of any kind.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget, changes};
use domain::choice::{Choice, Configured, ConfiguredChoice};
use domain::id::AuditId;
use domain::{Actor, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use crate::{AppError, Random};

/// The most choices of a kind: all of them are read at once.
pub const MOST: usize = 100;

/// How long a name may be.
const NAME_BYTES: usize = 100;

/// Adds a choice.
///
/// # Errors
/// [`AppError::Invalid`] if it has no name, another one has it, or there are too many.
#[instrument(skip_all, fields(choice.id = %id, choice.kind = T::KIND.name()))]
pub async fn create<T: Choice>(
    store: &Store,
    by: &Actor,
    id: T::Id,
    what: T,
    random: &Random,
    now: Timestamp,
) -> Result<Configured<T>, AppError> {
    let allowed = by.may(Permission::ManageSettings)?;
    let org = by.org();
    let there = store.choices::<T>(org).await?;
    check(&there, id, &what)?;
    if there.len() >= MOST {
        return Err(AppError::invalid("name", format!("an organisation may have at most {MOST} of these")));
    }
    let new =
        ConfiguredChoice { id, what, version: 1, used: false, gone: false, created_at: now, updated_at: now };
    let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Created, thing(&new))
        .changing(changes(None, Some(&new)));
    store.commit(Commit::new().choice(&new, &entry)).await?;
    Ok(new)
}

/// Changes a choice; `change` makes the new value from the current one.
///
/// # Errors
/// [`AppError::NotFound`] if it does not exist, [`AppError::Invalid`] if it has no name, or another one has it.
#[instrument(skip_all, fields(choice.id = %id, choice.kind = T::KIND.name()))]
pub async fn update<T: Choice>(
    store: &Store,
    by: &Actor,
    id: T::Id,
    change: impl Fn(&T) -> T,
    random: &Random,
    now: Timestamp,
) -> Result<Configured<T>, AppError> {
    let allowed = by.may(Permission::ManageSettings)?;
    let org = by.org();
    let change = &change;
    retry_conflicts(|| async move {
        let there = store.choices::<T>(org).await?;
        let before = there.iter().find(|choice| choice.id == id).cloned();
        let before = before.ok_or_else(|| AppError::not_found(T::KIND.name(), id))?;
        let what = change(&before.what);
        check(&there, id, &what)?;
        let after = ConfiguredChoice { what, version: before.version + 1, updated_at: now, ..before.clone() };
        let entry =
            AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Updated, thing(&after))
                .changing(changes(Some(&before), Some(&after)));
        store.commit(Commit::new().choice(&after, &entry)).await?;
        Ok(after)
    })
    .await
}

/// Deletes a choice that was never used.
///
/// # Errors
/// [`AppError::NotFound`] if it does not exist, [`AppError::Invalid`] if it is in use or the system relies on it.
#[instrument(skip_all, fields(choice.id = %id, choice.kind = T::KIND.name()))]
pub async fn delete<T: Choice>(
    store: &Store,
    by: &Actor,
    id: T::Id,
    random: &Random,
    now: Timestamp,
) -> Result<(), AppError> {
    let allowed = by.may(Permission::ManageSettings)?;
    let org = by.org();
    retry_conflicts(|| async move {
        let found = store.choice::<T>(org, id).await?;
        let before = found.ok_or_else(|| AppError::not_found(T::KIND.name(), id))?;
        if before.what.is_fixed() {
            let reason = format!("`{}` is built in and cannot be deleted", before.what.name());
            return Err(AppError::invalid("id", reason));
        }
        if before.used {
            return Err(AppError::invalid(
                "id",
                format!("`{}` is in use and cannot be deleted", before.what.name()),
            ));
        }
        let entry =
            AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Deleted, thing(&before));
        Ok(store.commit(Commit::new().without_choice(&before, &entry)).await?)
    })
    .await
}

/// The audit log's name of a choice.
fn thing<T: Choice>(choice: &Configured<T>) -> AuditTarget {
    AuditTarget::new(AuditKind::Choice(T::KIND), choice.id, choice.what.name())
}

/// Checks a choice against the others of its kind.
fn check<T: Choice>(others: &[Configured<T>], id: T::Id, what: &T) -> Result<(), AppError> {
    let name = what.name().trim();
    if name.is_empty() || name.len() > NAME_BYTES {
        return Err(AppError::invalid("name", format!("the name must have 1 to {NAME_BYTES} bytes")));
    }
    let same = |other: &Configured<T>| other.id != id && other.what.name().trim().eq_ignore_ascii_case(name);
    if others.iter().any(same) {
        return Err(AppError::invalid("name", format!("another {} already has this name", T::KIND.name())));
    }
    Ok(())
}
