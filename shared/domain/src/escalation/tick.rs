//! What a due timer, an acknowledgement and the end of an alert mean for an escalation.

use jiff::{SignedDuration, Timestamp};
use machine::{Illegal, Stateful, Transition};

use super::level::{Responders, Step, fallback_notifications, open, staffed};
use super::{Escalation, EscalationState, PathRef};
use crate::Identity;
use crate::escalation_path::Level;
use crate::job::policy::EARLY;

/// What a timer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// It is not yet time; it will be then.
    Wait(Timestamp),
    /// It is too early; the sweep will come back to it.
    TooEarly,
    /// Nothing is due: somebody answered, or another tick was faster.
    Over,
    /// Page this level.
    Escalate(u16),
    /// No level is left.
    Expire,
}

/// Decides what a timer means now.
pub fn tick(escalation: &Escalation, levels: &[Level], now: Timestamp) -> Tick {
    let Some(due) = escalation.due else { return Tick::Over };
    let early = due.duration_since(now);
    if early > EARLY {
        return Tick::TooEarly;
    }
    if early > SignedDuration::ZERO {
        return Tick::Wait(due);
    }
    match escalation.head.state() {
        EscalationState::Pending => Tick::Escalate(0),
        EscalationState::Triggered if usize::from(escalation.level) + 1 < levels.len() => {
            Tick::Escalate(escalation.level + 1)
        }
        EscalationState::Triggered => Tick::Expire,
        EscalationState::Acked
        | EscalationState::Resolved
        | EscalationState::Expired
        | EscalationState::Cancelled => Tick::Over,
    }
}

impl Escalation {
    /// Pages a level.
    ///
    /// # Errors
    /// [`Illegal`] if the escalation is over.
    pub fn escalate(
        &self,
        level: u16,
        levels: &[Level],
        staff: &Responders,
        by: &Identity,
        at: Timestamp,
    ) -> Result<Step, Illegal<EscalationState>> {
        let next = match self.head.state() {
            EscalationState::Triggered => self.amend(at)?,
            EscalationState::Pending
            | EscalationState::Acked
            | EscalationState::Resolved
            | EscalationState::Expired
            | EscalationState::Cancelled => self.transition_to(EscalationState::Triggered, at)?,
        };
        let why = format!("level {} notified", level + 1);
        let next = next.because(by.to_string(), why).with(|escalation| escalation.level = level);
        Ok(staffed(next, levels, staff, at))
    }

    /// Ends without an answer, and pages the fallback contact once.
    ///
    /// # Errors
    /// [`Illegal`] if the escalation is not waiting for an answer.
    pub fn expire(
        &self,
        staff: &Responders,
        by: &Identity,
        at: Timestamp,
    ) -> Result<Step, Illegal<EscalationState>> {
        let next = self
            .transition_to(EscalationState::Expired, at)?
            .because(by.to_string(), "nobody acknowledged at any level")
            .with(|escalation| {
                escalation.due = None;
                escalation.updated_at = at;
            });
        let mut notifications =
            if self.plan == PathRef::Fallback { Vec::new() } else { fallback_notifications(staff, at) };
        for (n, notification) in notifications.iter_mut().enumerate() {
            notification.id = format!("{:03}-fallback-{n:02}", self.cycle);
        }
        let notifications = notifications.into_iter().map(|new| open(new, next.after(), at)).collect();
        Ok((next, notifications))
    }

    /// Stops paging, because of `to`: acknowledged, resolved or cancelled.
    ///
    /// # Errors
    /// [`Illegal`] if the escalation was answered or is over already.
    pub fn stop(
        &self,
        to: EscalationState,
        by: &Identity,
        why: &str,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<EscalationState>> {
        Ok(self.transition_to(to, at)?.because(by.to_string(), why).with(|escalation| {
            escalation.due = None;
            escalation.updated_at = at;
        }))
    }

    /// Pages again from the first level, after an acknowledgement was taken back.
    ///
    /// # Errors
    /// [`Illegal`] if it was not acknowledged.
    pub fn restart(
        &self,
        levels: &[Level],
        staff: &Responders,
        by: &Identity,
        at: Timestamp,
    ) -> Result<Step, Illegal<EscalationState>> {
        let next = self
            .transition_to(EscalationState::Triggered, at)?
            .because(by.to_string(), "the acknowledgement was withdrawn")
            .with(|escalation| {
                escalation.level = 0;
                escalation.cycle += 1;
            });
        Ok(staffed(next, levels, staff, at))
    }
}
