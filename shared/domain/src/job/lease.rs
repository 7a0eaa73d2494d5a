//! Jobs that are done in attempts: a worker claims the job under a lease, does it, and marks the result.

use jiff::{SignedDuration, Timestamp};
use machine::{Illegal, State, Transition};
use serde::{Deserialize, Serialize};

use super::due::{Scheduled, due_at};
use super::policy::{EARLY, Lease};
use crate::text::shorten;

/// A line of the history that an item keeps in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// The state that the item went to.
    pub to: String,
    /// Why.
    pub why: String,
}

/// How many lines of history an item keeps in itself: the first and the newest.
const MOST_LOG: usize = 16;

/// The longest reason that is kept, in bytes.
const MOST_WHY: usize = 120;

/// The attempts at a job, as its item stores them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// Counts the attempts.
    #[serde(default)]
    pub attempt: u16,
    /// When the job is due: when it is to be done, or when the lease of the worker ends that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When the job was due while it last waited. The index of due jobs keeps this through a claim, so that a claim
    /// writes no index.
    #[serde(default = "unset")]
    pub slot: Timestamp,
    /// The history of the attempts.
    #[serde(default)]
    pub log: Vec<LogEntry>,
}

/// The slot of an item that an older version wrote without one.
const fn unset() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

impl Attempts {
    /// The first attempt, at a time.
    pub const fn first(at: Timestamp) -> Self {
        Self { attempt: 1, due: None, slot: at, log: Vec::new() }
    }

    /// Sets when the job is due while it waits.
    pub fn wait_until(&mut self, at: Option<Timestamp>) {
        self.due = at;
        self.slot = at.unwrap_or(self.slot);
    }

    /// Adds a line to the history.
    fn remember(&mut self, to: &str, why: &str, at: Timestamp) {
        if self.log.len() == MOST_LOG {
            self.log.remove(1);
        }
        self.log.push(LogEntry { at, to: to.to_owned(), why: shorten(why, MOST_WHY) });
    }
}

/// The decision of a worker about a job that may be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing is to be done: the job is done or void, or another worker holds it.
    Over,
    /// It is too early. The sweep sends another message.
    TooEarly,
    /// It is due in a moment.
    Wait(Timestamp),
    /// It is due: the worker claims it.
    Claim,
    /// The lease of another worker has ended: the worker claims the job from it.
    TakeOver,
}

/// A job that is done in attempts.
pub trait Leased: Scheduled {
    /// The state in which the job waits.
    const WAITING: Self::State;
    /// The state in which a worker holds the job.
    const HELD: Self::State;
    /// The numbers of its attempts.
    const LEASE: Lease = match Self::KIND.policy().lease() {
        Some(lease) => lease,
        None => panic!("the kind has no lease"),
    };

    /// What the item keeps of its attempts.
    fn attempts(&self) -> &Attempts;

    /// The same, to be changed.
    fn attempts_mut(&mut self) -> &mut Attempts;

    /// When the index of due jobs finds it: while it waits and while a worker holds it.
    fn found_at(&self) -> Option<Timestamp> {
        let state = self.head().state();
        (state == Self::WAITING || state == Self::HELD).then(|| self.attempts().slot)
    }

    /// Decides what the worker does with the job now.
    fn look(&self, now: Timestamp) -> Look {
        let Some(due) = self.attempts().due else { return Look::Over };
        let early = due.duration_since(now);
        let state = self.head().state();
        if state == Self::HELD {
            return if early > SignedDuration::ZERO { Look::Over } else { Look::TakeOver };
        }
        if state != Self::WAITING {
            return Look::Over;
        }
        if early > EARLY {
            return Look::TooEarly;
        }
        if early > SignedDuration::ZERO { Look::Wait(due) } else { Look::Claim }
    }

    /// Goes to a state in which the job is not due, and adds a line to its history.
    ///
    /// # Errors
    /// [`Illegal`] if there is no such edge.
    fn go(
        &self,
        to: Self::State,
        why: &str,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<Self::State>> {
        Ok(self.transition_to(to, at)?.with(|item| {
            item.attempts_mut().due = None;
            item.attempts_mut().remember(to.name(), why, at);
        }))
    }

    /// Claims the job until the lease ends. A job whose lease has ended is claimed from the worker that held it, which
    /// counts as another attempt.
    ///
    /// # Errors
    /// [`Illegal`] if the job is done or void.
    fn claim(&self, at: Timestamp) -> Result<Transition<Self>, Illegal<Self::State>> {
        let claim = if self.head().state() == Self::HELD {
            self.amend(at)?.with(|item| {
                let attempts = item.attempts_mut();
                attempts.attempt = attempts.attempt.saturating_add(1);
                attempts.remember(Self::WAITING.name(), "the lease ended", at);
                attempts.remember(Self::HELD.name(), "claimed", at);
            })
        } else {
            self.go(Self::HELD, "claimed", at)?
        };
        Ok(claim.with(|item| item.attempts_mut().due = Some(at + Self::LEASE.held_for)))
    }

    /// Gives the job back, to be tried again after a pause: the one that the other side asked for, or one that grows.
    ///
    /// # Errors
    /// [`Illegal`] if no worker held it.
    fn retry(
        &self,
        why: &str,
        asked: Option<SignedDuration>,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<Self::State>> {
        let pause = Self::LEASE.backoff.pause(self.attempts().attempt, asked);
        self.wait_again(why, at + pause, at)
    }

    /// Gives the job back, to be done again at a time.
    ///
    /// # Errors
    /// [`Illegal`] if no worker held it.
    fn wait_again(
        &self,
        why: &str,
        due: Timestamp,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<Self::State>> {
        let waits = self.go(Self::WAITING, why, at)?.with(|item| {
            let attempts = item.attempts_mut();
            attempts.attempt = attempts.attempt.saturating_add(1);
        });
        Ok(due_at(waits, due))
    }
}
