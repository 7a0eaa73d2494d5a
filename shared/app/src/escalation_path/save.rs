//! Saves an escalation path. Each update is a new version, and an escalation keeps the version with which it started.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget, changes};
use domain::escalation_path::{Level, MOST_TARGETS, Path};
use domain::id::{AuditId, OrgId, PathId, UserId};
use domain::text::Document;
use domain::{Actor, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use crate::{AppError, Random};

/// How many levels a path may have.
const MOST_LEVELS: usize = 30;
/// The shortest and longest time to acknowledge.
const ACK_SECONDS: std::ops::RangeInclusive<u32> = 1..=7 * 24 * 3600;

/// The settings of an escalation path.
#[derive(Debug, Clone)]
pub struct NewPath {
    /// Its name.
    pub name: String,
    /// Its levels.
    pub levels: Vec<Level>,
    /// The request body, which the API returns as it was sent.
    pub document: Document,
}

/// Creates a path.
///
/// # Errors
/// [`AppError::Invalid`] naming the field that is wrong.
#[instrument(skip_all, fields(escalation_path.id = %id))]
pub async fn create(
    store: &Store,
    by: &Actor,
    id: PathId,
    new: NewPath,
    random: &Random,
    now: Timestamp,
) -> Result<Path, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    check(store, by.org(), &new).await?;
    let path = Path { id, version: 1, name: new.name, levels: new.levels, document: new.document };
    let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Created, thing(&path))
        .changing(changes(None, Some(&path)));
    store.commit(Commit::new().path(&path, &entry)).await?;
    Ok(path)
}

/// Updates a path. Running escalations keep the version with which they started.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such path.
#[instrument(skip_all, fields(escalation_path.id = %id))]
pub async fn update(
    store: &Store,
    by: &Actor,
    id: PathId,
    new: NewPath,
    random: &Random,
    now: Timestamp,
) -> Result<Path, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let org = by.org();
    check(store, org, &new).await?;
    let new = &new;
    retry_conflicts(|| async move {
        let before =
            store.path(org, id, None).await?.ok_or_else(|| AppError::not_found("escalation path", id))?;
        let NewPath { name, levels, document } = new.clone();
        let path = Path { id, version: before.version + 1, name, levels, document };
        let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Updated, thing(&path))
            .changing(changes(Some(&before), Some(&path)));
        store.commit(Commit::new().path(&path, &entry)).await?;
        Ok(path)
    })
    .await
}

/// Deletes a path. Running escalations keep the version with which they started.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such path.
#[instrument(skip_all, fields(escalation_path.id = %id))]
pub async fn delete(
    store: &Store,
    by: &Actor,
    id: PathId,
    random: &Random,
    now: Timestamp,
) -> Result<(), AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let found = store.path(by.org(), id, None).await?;
    let path = found.ok_or_else(|| AppError::not_found("escalation path", id))?;
    let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Deleted, thing(&path));
    Ok(store.commit(Commit::new().without_path(id, &entry)).await?)
}

/// The audit log's name of a path.
fn thing(path: &Path) -> AuditTarget {
    AuditTarget::new(AuditKind::EscalationPath, path.id, &path.name)
}

/// Checks a path.
async fn check(store: &Store, org: OrgId, new: &NewPath) -> Result<(), AppError> {
    if new.name.trim().is_empty() {
        return Err(AppError::invalid("name", "a name is required"));
    }
    if new.levels.is_empty() || new.levels.len() > MOST_LEVELS {
        return Err(AppError::invalid(
            "path",
            format!("an escalation path must have 1 to {MOST_LEVELS} levels"),
        ));
    }
    for (n, level) in new.levels.iter().enumerate() {
        if level.targets.is_empty() || level.targets.len() > MOST_TARGETS {
            let field = format!("path.{n}.level.targets");
            return Err(AppError::invalid(field, format!("a level must have 1 to {MOST_TARGETS} targets")));
        }
        if !ACK_SECONDS.contains(&level.ack_seconds) {
            let field = format!("path.{n}.level.time_to_ack_seconds");
            return Err(AppError::invalid(
                field,
                "the time to acknowledge must be between 1 second and 7 days",
            ));
        }
        for (t, target) in level.targets.iter().enumerate() {
            check_user(store, org, &format!("path.{n}.level.targets.{t}.id"), target.user).await?;
        }
    }
    Ok(())
}

/// Checks that a user exists.
pub(crate) async fn check_user(store: &Store, org: OrgId, field: &str, id: UserId) -> Result<(), AppError> {
    match store.user(org, id).await? {
        Some(_) => Ok(()),
        None => Err(AppError::invalid(field, format!("there is no user `{id}`"))),
    }
}
