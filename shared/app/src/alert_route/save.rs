//! Saves an alert route.

use domain::access::Permission;
use domain::alert_route::Route;
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget, changes};
use domain::condition::ConditionGroup;
use domain::id::{AuditId, OrgId, RouteId};
use domain::{Actor, Timestamp};
use machine::{CommitError, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use crate::escalation_path::save::check_user;
use crate::{AppError, Random};

/// How many sources, paths or people a route may name.
const MOST: usize = 20;

/// Creates a route; its version is the first.
///
/// # Errors
/// [`AppError::Invalid`] naming the field that is wrong.
#[instrument(skip_all, fields(alert_route.id = %route.id))]
pub async fn create(
    store: &Store,
    by: &Actor,
    mut route: Route,
    random: &Random,
    now: Timestamp,
) -> Result<Route, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    route.version = 1;
    check(store, by.org(), &route).await?;
    let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Created, thing(&route))
        .changing(changes(None, Some(&route)));
    store.commit(Commit::new().route(&route, &entry)).await?;
    Ok(route)
}

/// Updates a route. `expected` is the version that the client last saw, if it sent one.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such route, [`AppError::Illegal`] if it has changed since.
#[instrument(skip_all, fields(alert_route.id = %route.id))]
pub async fn update(
    store: &Store,
    by: &Actor,
    route: Route,
    expected: Option<u64>,
    random: &Random,
    now: Timestamp,
) -> Result<Route, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let org = by.org();
    check(store, org, &route).await?;
    let route = &route;
    retry_conflicts(|| async move {
        let before = load(store, org, route.id).await?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(AppError::Illegal(format!(
                "the alert route was changed by somebody else and is now at version {}: load it again",
                before.version
            )));
        }
        let route = Route { version: before.version + 1, ..route.clone() };
        let entry =
            AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Updated, thing(&route))
                .changing(changes(Some(&before), Some(&route)));
        store.commit(Commit::new().route(&route, &entry)).await?;
        Ok(route)
    })
    .await
}

/// Removes a route.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such route.
#[instrument(skip_all, fields(alert_route.id = %id))]
pub async fn delete(
    store: &Store,
    by: &Actor,
    id: RouteId,
    random: &Random,
    now: Timestamp,
) -> Result<(), AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let route = load(store, by.org(), id).await?;
    let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Deleted, thing(&route));
    match store.commit(Commit::new().without_route(id, &entry)).await {
        Err(CommitError::Conflict) => Err(AppError::Conflict),
        done => Ok(done?),
    }
}

/// The audit log's name of a route.
fn thing(route: &Route) -> AuditTarget {
    AuditTarget::new(AuditKind::AlertRoute, route.id, &route.name)
}

async fn load(store: &Store, org: OrgId, id: RouteId) -> Result<Route, AppError> {
    store.route(org, id).await?.ok_or_else(|| AppError::not_found("alert route", id))
}

/// Checks a route.
async fn check(store: &Store, org: OrgId, route: &Route) -> Result<(), AppError> {
    if route.name.trim().is_empty() {
        return Err(AppError::invalid("name", "a name is required"));
    }
    for (field, count) in [
        ("alert_sources", route.sources.len()),
        ("escalation_config.escalation_targets", route.paths.len() + route.users.len()),
    ] {
        if count > MOST {
            return Err(AppError::invalid(field, format!("there are at most {MOST}")));
        }
    }
    for (n, entry) in route.sources.iter().enumerate() {
        let field = format!("alert_sources.{n}");
        if store.source(org, entry.source).await?.is_none() {
            let reason = format!("there is no alert source `{}`", entry.source);
            return Err(AppError::invalid(format!("{field}.alert_source_id"), reason));
        }
        check_groups(&format!("{field}.condition_groups"), &entry.conditions)?;
    }
    check_groups("condition_groups", &route.conditions)?;
    for (n, path) in route.paths.iter().enumerate() {
        if store.path(org, *path, None).await?.is_none() {
            let field = format!("escalation_config.escalation_targets.{n}.escalation_paths");
            return Err(AppError::invalid(field, format!("there is no escalation path `{path}`")));
        }
    }
    for (n, user) in route.users.iter().enumerate() {
        let field = format!("escalation_config.escalation_targets.{n}.users");
        check_user(store, org, &field, *user).await?;
    }
    for (n, key) in route.grouping.iter().flat_map(|grouping| &grouping.keys).enumerate() {
        let field = || format!("incident_config.grouping_keys.{n}.reference");
        key.check().map_err(|problem| AppError::invalid(field(), problem.to_string()))?;
    }
    let Some(incident) = &route.incident else { return Ok(()) };
    let bindings = [Some(("name", &incident.name)), incident.summary.as_ref().map(|b| ("summary", b))];
    for (field, binding) in bindings.into_iter().flatten() {
        binding.check().map_err(|problem| {
            AppError::invalid(format!("incident_template.{field}"), problem.to_string())
        })?;
    }
    Ok(())
}

/// Checks conditions.
fn check_groups(field: &str, groups: &[ConditionGroup]) -> Result<(), AppError> {
    for (g, ConditionGroup(conditions)) in groups.iter().enumerate() {
        for (c, condition) in conditions.iter().enumerate() {
            condition.subject.check().map_err(|problem| {
                AppError::invalid(format!("{field}.{g}.conditions.{c}.subject"), problem.to_string())
            })?;
        }
    }
    Ok(())
}
