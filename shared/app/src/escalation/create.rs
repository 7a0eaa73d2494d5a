//! Begins an escalation because somebody asks for it, not an alert.

use domain::access::Permission;
use domain::escalation::{Escalation, NewEscalation, PathRef};
use domain::escalation_path::MOST_TARGETS;
use domain::id::{EscalationId, IncidentId, OrgId, PathId, UserId};
use domain::text::shorten;
use domain::trace::Trace;
use domain::{Actor, Timestamp};
use machine::CommitError;
use store::{Commit, Made, Store};
use tracing::instrument;

use crate::rules::Snapshot;
use crate::{AppError, Rules};

/// Whom it is to page.
#[derive(Debug, Clone)]
pub enum Whom {
    /// Whoever the path names, at the version that it has now.
    Path(PathId),
    /// These people, all at once.
    Users(Vec<UserId>),
}

/// What is known of an escalation before it begins.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its id.
    pub id: EscalationId,
    /// What it is about.
    pub title: String,
    /// More of that.
    pub description: Option<String>,
    /// Whom it is to page.
    pub whom: Whom,
    /// The incident that it belongs to.
    pub incident: Option<IncidentId>,
    /// The trace.
    pub trace: Trace,
}

/// How much of a description the small item keeps.
const DESCRIPTION_BYTES: usize = 400;

/// Begins an escalation with its first level paged; what the same key began before is returned as it is.
///
/// # Errors
/// [`AppError::Invalid`] naming whom or what there is not.
#[instrument(skip_all, fields(escalation.id = %call.id), err)]
pub async fn create(
    store: &Store,
    rules: &Rules,
    by: &Actor,
    (key, call): (&str, Call),
    now: Timestamp,
) -> Result<Escalation, AppError> {
    by.may(Permission::CreateEscalations)?;
    let (org, actor, by) = (by.org(), by, by.identity());
    if let Some(there) = there(store, org, key).await? {
        return Ok(there);
    }
    if call.title.trim().is_empty() {
        return Err(AppError::invalid("title", "a title is needed"));
    }
    let incident = match call.incident {
        Some(id) => store.incident(org, id).await?.filter(|incident| incident.is_seen_by(actor)),
        None => None,
    };
    if let Some(id) = call.incident.filter(|_| incident.is_none()) {
        return Err(AppError::invalid("incident_id", format!("there is no incident `{id}`")));
    }
    let rules = rules.of(org).await?;
    let plan = plan(&rules, &call.whom).await?;
    let (levels, staff) = rules.levels(&plan).await?;
    let new = NewEscalation {
        org,
        id: call.id,
        title: call.title,
        url: None,
        plan,
        alert: None,
        group: None,
        incident: call.incident,
        followed: match &incident {
            Some(incident) => incident.followed,
            None => rules.org.slack.is_some(),
        },
        auto_cancel: false,
        creator: by.clone(),
        trace: call.trace,
    };
    let description = call.description.map(|text| shorten(&text, DESCRIPTION_BYTES));
    let (begun, notifications) = new.triggered(&levels, &staff, now)?;
    let begun = begun.with(|escalation| escalation.description = description);
    let escalation = begun.after().clone();
    let mut commit = Commit::new().transition(begun).transitions(notifications).made_by(
        org,
        Made::Escalation,
        key,
        call.id,
    );
    if let Some(incident) = call.incident {
        commit = commit.attached_escalation(org, incident, call.id);
    }
    match store.commit(commit).await {
        Ok(()) => Ok(escalation),
        Err(CommitError::Conflict) => there(store, org, key).await?.ok_or(AppError::Conflict),
        Err(error) => Err(error.into()),
    }
}

/// What the key began before.
async fn there(store: &Store, org: OrgId, key: &str) -> Result<Option<Escalation>, AppError> {
    let Some(id) = store.made_by(org, Made::Escalation, key).await? else { return Ok(None) };
    Ok(store.escalation(org, id).await?)
}

/// The plan, of people and paths that there are.
async fn plan(rules: &Snapshot, whom: &Whom) -> Result<PathRef, AppError> {
    match whom {
        Whom::Path(id) => match rules.path(*id, None).await? {
            Some(path) => Ok(PathRef::Path { id: *id, version: path.version }),
            None => {
                Err(AppError::invalid("escalation_path_id", format!("there is no escalation path `{id}`")))
            }
        },
        Whom::Users(users) => {
            if users.is_empty() || users.len() > MOST_TARGETS {
                return Err(AppError::invalid("user_ids", format!("there are 1 to {MOST_TARGETS} people")));
            }
            for (n, id) in users.iter().enumerate() {
                if rules.user(*id).await?.is_none() {
                    return Err(AppError::invalid(
                        format!("user_ids.{n}"),
                        format!("there is no user `{id}`"),
                    ));
                }
            }
            Ok(PathRef::Users(users.clone()))
        }
    }
}
