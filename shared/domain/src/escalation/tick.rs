//! Decides the effect of a timer, an acknowledgement or a resolution on an escalation.

use jiff::{SignedDuration, Timestamp};
use machine::{Illegal, Stateful, Transition};

use super::level::{
    EscalationStep, Responders, fallback_notifications, level_notified, open, staffed, staffed_from,
};
use super::{Escalation, EscalationState, PathRef};
use crate::Identity;
use crate::escalation_path::Level;
use crate::job::policy::EARLY;

/// The decision about a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// Wait until that time.
    Wait(Timestamp),
    /// Too early: the sweep sends another timer.
    TooEarly,
    /// Nothing is due: somebody responded, or another tick was faster.
    Over,
    /// Notify this level.
    Escalate(u16),
    /// No level is left.
    Expire,
}

/// Decides about a timer.
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
    /// Notifies a level, or the next one in which there is somebody.
    ///
    /// # Errors
    /// [`Illegal`] if the escalation has ended.
    pub fn escalate(
        &self,
        level: u16,
        levels: &[Level],
        staff: &Responders,
        by: &Identity,
        at: Timestamp,
    ) -> Result<EscalationStep, Illegal<EscalationState>> {
        let next = match self.head.state() {
            EscalationState::Triggered => self.amend(at)?,
            EscalationState::Pending
            | EscalationState::Acked
            | EscalationState::Resolved
            | EscalationState::Expired
            | EscalationState::Cancelled => self.transition_to(EscalationState::Triggered, at)?,
        };
        let level = staffed_from(levels, staff, level);
        let next = next.because(by.to_string(), level_notified(level));
        let next = next.with(|escalation| escalation.level = level);
        Ok(staffed(next, levels, staff, at))
    }

    /// Expires without an acknowledgement, and notifies the fallback contact once.
    ///
    /// # Errors
    /// [`Illegal`] if the escalation is not waiting for an acknowledgement.
    pub fn expire(
        &self,
        staff: &Responders,
        by: &Identity,
        at: Timestamp,
    ) -> Result<EscalationStep, Illegal<EscalationState>> {
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

    /// Stops notifying: moves to acknowledged, resolved or cancelled.
    ///
    /// # Errors
    /// [`Illegal`] if the escalation was acknowledged or has ended.
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

    /// Restarts at the first level after an acknowledgement was withdrawn.
    ///
    /// # Errors
    /// [`Illegal`] if it was not acknowledged.
    pub fn restart(
        &self,
        levels: &[Level],
        staff: &Responders,
        by: &Identity,
        at: Timestamp,
    ) -> Result<EscalationStep, Illegal<EscalationState>> {
        let next = self
            .transition_to(EscalationState::Triggered, at)?
            .because(by.to_string(), "the acknowledgement was withdrawn")
            .with(|escalation| {
                escalation.level = staffed_from(levels, staff, 0);
                escalation.cycle += 1;
            });
        Ok(staffed(next, levels, staff, at))
    }
}
