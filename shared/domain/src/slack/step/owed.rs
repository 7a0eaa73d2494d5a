//! What is owed to Slack, and because of what.

use std::fmt;

use jiff::Timestamp;
use machine::{Head, Stateful, Transition};

use super::work::{StepId, Thread, Work};
use super::{Kept, Step, StepState, due};
use crate::escalation::Escalation;
use crate::id::{IncidentId, OrgId};
use crate::incident::Incident;
use crate::trace::Trace;

/// A step is opened: everything about it that is not the same for all.
#[derive(Debug, Clone)]
pub struct NewStep {
    /// What it belongs to.
    pub thread: Thread,
    /// Its id within that.
    pub id: StepId,
    /// The incident.
    pub incident: Option<IncidentId>,
    /// What it does.
    pub work: Work,
}

impl NewStep {
    /// A step of an incident.
    pub fn of(incident: IncidentId, id: impl fmt::Display, work: Work) -> Self {
        Self { thread: Thread::incident(incident), id: StepId::of(id), incident: Some(incident), work }
    }

    /// Takes the buttons off the pages of an escalation, as it is at this version; it stands in its incident's thread
    /// if it has one.
    pub fn unpage(escalation: &Escalation) -> Self {
        let thread = match escalation.incident {
            Some(incident) => Thread::incident(incident),
            None => Thread::escalation(escalation.id),
        };
        let id = StepId::of(format_args!("unpage-{}-{:05}", escalation.id, escalation.head.version()));
        let work = Work::Unpage { escalation: escalation.id };
        Self { thread, id, incident: escalation.incident, work }
    }

    /// Opens it, to be done at once.
    pub fn open(self, org: OrgId, trace: &Trace, at: Timestamp) -> Transition<Step> {
        let step = Step {
            head: Head::stored(StepState::Pending, 0),
            org,
            thread: self.thread,
            id: self.id,
            incident: self.incident,
            work: self.work,
            kept: Kept::default(),
            wanted: 0,
            attempt: 1,
            since: at,
            due: Some(at),
            slot: at,
            log: Vec::new(),
            trace: trace.clone(),
        };
        step.born(StepState::Pending, at).expect("a step may be born pending").on_transition(due)
    }
}

/// What is owed because an incident was opened or changed, if Slack follows it.
pub fn owed_by_incident(step: &Transition<Incident>) -> Option<Transition<Step>> {
    let incident = step.after();
    let id = format!("follow-{:05}", incident.head.version());
    incident
        .followed
        .then(|| NewStep::of(incident.id, id, Work::Follow).open(incident.org, &incident.trace, step.at()))
}

/// What is owed because an escalation went on, if Slack follows its incident.
///
/// One that an alert begins is written together with its incident, which owes a look of its own; one that begins again
/// for an alert that goes on is not, and tells so by its id, which is younger than the incident's. One without an
/// incident owes only that its buttons go.
pub fn owed_by_escalation(step: &Transition<Escalation>) -> Option<Transition<Step>> {
    let escalation = step.after();
    if !escalation.followed {
        return None;
    }
    let Some(incident) = escalation.incident else {
        let ends = step.from().is_some_and(|from| from != step.to()) && !step.to().notifies();
        return ends.then(|| NewStep::unpage(escalation).open(escalation.org, &escalation.trace, step.at()));
    };
    let is_news = match step.from() {
        Some(from) => from != step.to(),
        None => escalation.alert.is_none() || escalation.id.at() != incident.at(),
    };
    if !is_news {
        return None;
    }
    let id = format!("follow-{}-{:05}", escalation.id, escalation.head.version());
    Some(NewStep::of(incident, id, Work::Follow).open(escalation.org, &escalation.trace, step.at()))
}
