//! Saves an escalation path: each update is a version, and an escalation keeps the version that it began on.

use domain::id::{OrgId, PathId, UserId};
use domain::path::{Level, Path};
use domain::text::Document;
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use crate::AppError;

/// How many levels a path may have.
const MOST_LEVELS: usize = 30;
/// How many people a level may name.
const MOST_TARGETS: usize = 20;
/// The shortest and longest time to acknowledge.
const ACK_SECONDS: std::ops::RangeInclusive<u32> = 1..=7 * 24 * 3600;

/// A path as it is asked for.
#[derive(Debug, Clone)]
pub struct NewPath {
    /// Its name.
    pub name: String,
    /// Its levels.
    pub levels: Vec<Level>,
    /// What the client sent, to be echoed.
    pub document: Document,
}

/// Creates a path.
///
/// # Errors
/// [`AppError::Invalid`] naming the field that is wrong.
#[instrument(skip_all, fields(escalation_path.id = %id), err)]
pub async fn create(store: &Store, org: OrgId, id: PathId, new: NewPath) -> Result<Path, AppError> {
    check(store, org, &new).await?;
    let path = Path { id, version: 1, name: new.name, levels: new.levels, document: new.document };
    store.commit(Commit::new().path(org, &path)).await?;
    Ok(path)
}

/// Updates a path; escalations that began before go on as they began.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such path.
#[instrument(skip_all, fields(escalation_path.id = %id), err)]
pub async fn update(store: &Store, org: OrgId, id: PathId, new: NewPath) -> Result<Path, AppError> {
    check(store, org, &new).await?;
    let new = &new;
    retry_conflicts(|| async move {
        let before =
            store.path(org, id, None).await?.ok_or_else(|| AppError::not_found("escalation path", id))?;
        let NewPath { name, levels, document } = new.clone();
        let path = Path { id, version: before.version + 1, name, levels, document };
        store.commit(Commit::new().path(org, &path)).await?;
        Ok(path)
    })
    .await
}

/// Removes a path; escalations that began before go on as they began.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such path.
#[instrument(skip_all, fields(escalation_path.id = %id), err)]
pub async fn delete(store: &Store, org: OrgId, id: PathId) -> Result<(), AppError> {
    store.path(org, id, None).await?.ok_or_else(|| AppError::not_found("escalation path", id))?;
    Ok(store.commit(Commit::new().without_path(org, id)).await?)
}

/// Says what is wrong with a path.
async fn check(store: &Store, org: OrgId, new: &NewPath) -> Result<(), AppError> {
    if new.name.trim().is_empty() {
        return Err(AppError::invalid("name", "a name is needed"));
    }
    if new.levels.is_empty() || new.levels.len() > MOST_LEVELS {
        return Err(AppError::invalid("path", format!("a path has 1 to {MOST_LEVELS} levels")));
    }
    for (n, level) in new.levels.iter().enumerate() {
        if level.targets.is_empty() || level.targets.len() > MOST_TARGETS {
            let field = format!("path.{n}.level.targets");
            return Err(AppError::invalid(field, format!("a level has 1 to {MOST_TARGETS} targets")));
        }
        if !ACK_SECONDS.contains(&level.ack_seconds) {
            let field = format!("path.{n}.level.time_to_ack_seconds");
            return Err(AppError::invalid(field, "the time to acknowledge is between a second and a week"));
        }
        for (t, target) in level.targets.iter().enumerate() {
            check_user(store, org, &format!("path.{n}.level.targets.{t}.id"), target.user).await?;
        }
    }
    Ok(())
}

/// Says whether somebody is there to be paged.
pub(crate) async fn check_user(store: &Store, org: OrgId, field: &str, id: UserId) -> Result<(), AppError> {
    match store.user(org, id).await? {
        Some(_) => Ok(()),
        None => Err(AppError::invalid(field, format!("there is no user `{id}`"))),
    }
}
