//! Subscribers: the components that react to what changes.
//!
//! A subscriber is a pure function from a change to a job. The store writes the job in the same transaction as the
//! change, so that no verb can forget it. To add a subscriber, add it to [`followers`] and [`added_jobs`].

use machine::Transition;

use crate::escalation::Escalation;
use crate::followers::Followers;
use crate::incident::Incident;
use crate::org::Org;
use crate::slack::{self, Step};

/// A transition that subscribers react to.
#[derive(Debug, Clone, Copy)]
pub enum FollowedTransition<'a> {
    /// An incident was opened or changed.
    Incident(&'a Transition<Incident>),
    /// An escalation began or changed.
    Escalation(&'a Transition<Escalation>),
}

/// The most jobs that subscribers add to one change.
pub const MOST: usize = 1;

/// A job that a subscriber adds to a change.
#[derive(Debug)]
pub enum AddedJob {
    /// A step in Slack.
    Slack(Transition<Step>),
}

/// The subscribers that follow the incidents and escalations that an organisation begins now.
pub fn followers(org: &Org) -> Followers {
    Followers::of(org.slack.is_some().then_some(slack::follow::NAME))
}

/// The jobs that subscribers add to a change.
pub fn owed(change: FollowedTransition<'_>) -> Vec<AddedJob> {
    slack::follow::added_step(change).map(AddedJob::Slack).into_iter().collect()
}
