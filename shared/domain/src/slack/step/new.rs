//! A step before it begins.

use std::fmt;

use jiff::Timestamp;
use machine::{Head, Stateful, Transition};

use super::work::{StepId, Thread, Work};
use super::{Kept, Step, StepState};
use crate::escalation::Escalation;
use crate::id::{IncidentId, OrgId};
use crate::job::due::due_at;
use crate::job::lease::Attempts;
use crate::trace::Trace;

/// The data of a step before it begins.
#[derive(Debug, Clone)]
pub struct NewStep {
    /// The thread that it belongs to.
    pub thread: Thread,
    /// Its id within that.
    pub id: StepId,
    /// The incident.
    pub incident: Option<IncidentId>,
    /// The work.
    pub work: Work,
}

impl NewStep {
    /// A step of an incident.
    pub fn of(incident: IncidentId, id: impl fmt::Display, work: Work) -> Self {
        Self { thread: Thread::incident(incident), id: StepId::of(id), incident: Some(incident), work }
    }

    /// Removes the buttons of an escalation's messages, as the escalation is at this version. The step belongs to the
    /// thread of the incident if there is one.
    pub fn unpage(escalation: &Escalation) -> Self {
        let thread = match escalation.incident {
            Some(incident) => Thread::incident(incident),
            None => Thread::escalation(escalation.id),
        };
        let id = StepId::of(format_args!("unpage-{}-{:05}", escalation.id, escalation.head.version()));
        let work = Work::Unpage { escalation: escalation.id };
        Self { thread, id, incident: escalation.incident, work }
    }

    /// Begins the step, to be done at once.
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
            since: at,
            attempts: Attempts::first(at),
            trace: trace.clone(),
        };
        due_at(step.born(StepState::Pending, at).expect("a step begins as pending"), at)
    }
}
