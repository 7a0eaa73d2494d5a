//! Starts an escalation by hand.

use domain::access::Permission;
use domain::escalation::{Escalation, NewEscalation, PathRef};
use domain::escalation_path::MOST_TARGETS;
use domain::id::{EscalationId, IncidentId, OrgId, PathId, UserId};
use domain::incident::Incident;
use domain::subscriber;
use domain::text::shorten;
use domain::trace::Trace;
use domain::{Actor, Timestamp};
use machine::CommitError;
use store::{Commit, IdempotentKind, Store};
use tracing::instrument;

use crate::rules::Snapshot;
use crate::{AppError, Rules};

/// Who an escalation that a person or a program starts notifies.
#[derive(Debug, Clone)]
pub enum EscalationTarget {
    /// The people of an escalation path, at its current version.
    Path(PathId),
    /// These people, all at once.
    Users(Vec<UserId>),
}

/// An escalation that a person or a program starts.
#[derive(Debug, Clone)]
pub struct ManualEscalation {
    /// The escalation's id.
    pub id: EscalationId,
    /// The title, which the notifications begin with.
    pub title: String,
    /// More about the reason.
    pub description: Option<String>,
    /// Who is notified.
    pub target: EscalationTarget,
    /// The incident that the escalation belongs to.
    pub incident: Option<IncidentId>,
    /// The trace.
    pub trace: Trace,
}

impl ManualEscalation {
    /// An escalation for an incident, with the incident's reference, name and summary in its notifications.
    pub fn for_incident(
        incident: &Incident,
        id: EscalationId,
        target: EscalationTarget,
        trace: Trace,
    ) -> Self {
        Self {
            id,
            title: format!("{} {}", incident.reference(), incident.title),
            description: incident.summary.clone(),
            target,
            incident: Some(incident.id),
            trace,
        }
    }
}

/// The most bytes of a description that are kept.
const DESCRIPTION_BYTES: usize = 400;

/// Starts an escalation and notifies its first level. An escalation that the same key started before is returned.
///
/// # Errors
/// [`AppError::Invalid`] naming whom or what there is not.
#[instrument(skip_all, fields(escalation.id = %new.id))]
pub async fn create(
    store: &Store,
    rules: &Rules,
    by: &Actor,
    (key, new): (&str, ManualEscalation),
    now: Timestamp,
) -> Result<Escalation, AppError> {
    by.may(Permission::CreateEscalations)?;
    let (org, actor, by) = (by.org(), by, by.identity());
    if let Some(there) = there(store, org, key).await? {
        return Ok(there);
    }
    if new.title.trim().is_empty() {
        return Err(AppError::invalid("title", "a title is required"));
    }
    let incident = match new.incident {
        Some(id) => store.incident(org, id).await?.filter(|incident| incident.is_seen_by(actor)),
        None => None,
    };
    if let Some(id) = new.incident.filter(|_| incident.is_none()) {
        return Err(AppError::invalid("incident_id", format!("there is no incident `{id}`")));
    }
    let rules = rules.of(org).await?;
    let plan = path_ref(&rules, &new.target).await?;
    let (levels, staff) = rules.levels(&plan).await?;
    let escalation = NewEscalation {
        org,
        id: new.id,
        title: new.title,
        url: None,
        plan,
        alert: None,
        group: None,
        incident: new.incident,
        followers: match &incident {
            Some(incident) => incident.followers.clone(),
            None => subscriber::followers(&rules.org),
        },
        auto_cancel: false,
        creator: by.clone(),
        trace: new.trace,
    };
    let description = new.description.map(|text| shorten(&text, DESCRIPTION_BYTES));
    let (begun, notifications) = escalation.triggered(&levels, &staff, now)?;
    let begun = begun.with(|escalation| escalation.description = description);
    let escalation = begun.after().clone();
    let mut commit = Commit::new().transition(begun).transitions(notifications).made_by(
        org,
        IdempotentKind::Escalation,
        key,
        new.id,
    );
    if let Some(incident) = new.incident {
        commit = commit.attached_escalation(org, incident, new.id);
    }
    match store.commit(commit).await {
        Ok(()) => Ok(escalation),
        Err(CommitError::Conflict) => there(store, org, key).await?.ok_or(AppError::Conflict),
        Err(error) => Err(error.into()),
    }
}

/// The escalation that the key started before.
async fn there(store: &Store, org: OrgId, key: &str) -> Result<Option<Escalation>, AppError> {
    let Some(id) = store.made_by(org, IdempotentKind::Escalation, key).await? else { return Ok(None) };
    Ok(store.escalation(org, id).await?)
}

/// The path or the people that an escalation runs, if they exist.
async fn path_ref(rules: &Snapshot, target: &EscalationTarget) -> Result<PathRef, AppError> {
    match target {
        EscalationTarget::Path(id) => match rules.path(*id, None).await? {
            Some(path) => Ok(PathRef::Path { id: *id, version: path.version }),
            None => {
                Err(AppError::invalid("escalation_path_id", format!("there is no escalation path `{id}`")))
            }
        },
        EscalationTarget::Users(users) => {
            if users.is_empty() || users.len() > MOST_TARGETS {
                return Err(AppError::invalid("user_ids", format!("list 1 to {MOST_TARGETS} people")));
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
