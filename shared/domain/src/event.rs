//! What transitions tell others, in the same write, and which queue hears it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::ReceivedEvent;
use crate::id::{AlertId, EscalationId, IncidentId, OrgId, SignInId, SourceId};
use crate::message::{AlertMessage, EscalationMessage, NotificationMessage, Queue};
use crate::notification::Notification;
use crate::slack::{SlackMessage, StepId, Thread};

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A level of an escalation is being paged, or is about to be.
    EscalationTriggered {
        /// The organisation.
        org: OrgId,
        /// The escalation.
        escalation: EscalationId,
        /// When its time is up.
        due: Option<Timestamp>,
    },
    /// A page is to be sent.
    #[serde(rename = "page_due")]
    NotificationDue {
        /// The notification.
        #[serde(rename = "page")]
        notification: Box<Notification>,
    },
    /// An alert has joined a group, whose escalations answer for it.
    AlertJoined {
        /// The organisation.
        org: OrgId,
        /// The alert.
        alert: AlertId,
    },
    /// Somebody has changed an incident: its row of history says what.
    IncidentChanged {
        /// The organisation.
        org: OrgId,
        /// The incident.
        incident: IncidentId,
        /// The version that the change made.
        version: u64,
        /// Whether those who follow it are told.
        announce: bool,
    },
    /// Something is owed to Slack.
    SlackStepDue {
        /// The organisation.
        org: OrgId,
        /// What it belongs to.
        thread: Thread,
        /// The step.
        step: StepId,
        /// When it is to be done.
        due: Option<Timestamp>,
    },
    /// A backfill of a source has a step to do.
    BackfillDue {
        /// The organisation.
        org: OrgId,
        /// The source.
        source: SourceId,
    },
    /// Something of a source is to be handled as if its sender had delivered it.
    SourceTells {
        /// What it tells.
        received: Box<ReceivedEvent>,
    },
    /// Somebody has asked for a link to sign in.
    SignInAsked {
        /// Their attempt.
        id: SignInId,
    },
    /// An alert is over.
    AlertResolved {
        /// The organisation.
        org: OrgId,
        /// The alert.
        alert: AlertId,
    },
}

/// What is put on a queue because of an event.
#[derive(Debug, Clone)]
pub struct Send {
    /// The queue.
    pub queue: Queue,
    /// The body of the message, in JSON.
    pub body: serde_json::Value,
    /// When it is to arrive.
    pub due: Timestamp,
}

/// A timer further away than this is left to the sweep.
pub const FAR: SignedDuration = SignedDuration::from_mins(15);

/// How long after a page was due a second message looks whether it was sent, should the first one have been lost.
///
/// It comes after the lease of whoever claimed the page first, so that it also finds a sender that never came back.
pub const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(25);

impl Event {
    /// Who hears of this event: what the relay sends.
    pub fn sends(&self, now: Timestamp) -> Vec<Send> {
        let send = |queue, body: Result<serde_json::Value, serde_json::Error>, due: Timestamp| Send {
            queue,
            body: body.expect("messages are plain values"),
            due,
        };
        let sends = match self {
            Self::EscalationTriggered { org, escalation, due } => {
                let body = EscalationMessage::Due { org: *org, escalation: *escalation };
                due.iter().map(|&due| send(Queue::EscalationTick, serde_json::to_value(&body), due)).collect()
            }
            Self::NotificationDue { notification } => {
                let due = notification.due.unwrap_or(now);
                let first = NotificationMessage::Due { notification: notification.clone() };
                let (org, escalation, notification) =
                    (notification.org, notification.escalation, notification.id.clone());
                let second = NotificationMessage::Check { org, escalation, notification };
                vec![
                    send(Queue::NotificationSend, serde_json::to_value(&first), due),
                    send(Queue::NotificationSend, serde_json::to_value(&second), due + LOOK_AGAIN),
                ]
            }
            Self::BackfillDue { org, source } => {
                let body = AlertMessage::Backfill { org: *org, source: *source };
                vec![send(Queue::AlertHandle, serde_json::to_value(&body), now)]
            }
            Self::SourceTells { received } => {
                let body = AlertMessage::Event(received.clone());
                vec![send(Queue::AlertHandle, serde_json::to_value(&body), now)]
            }
            Self::SignInAsked { id } => {
                let body = NotificationMessage::SignIn { id: *id };
                vec![send(Queue::NotificationSend, serde_json::to_value(&body), now)]
            }
            // Nobody yet: webhooks and workflows will. Slack is owed a step in the same write.
            Self::IncidentChanged { .. } => Vec::new(),
            Self::SlackStepDue { org, thread, step, due } => {
                let body = SlackMessage::Step { org: *org, thread: thread.clone(), step: step.clone() };
                vec![send(Queue::SlackWork, serde_json::to_value(&body), due.unwrap_or(now))]
            }
            Self::AlertJoined { org, alert } | Self::AlertResolved { org, alert } => {
                let body = EscalationMessage::Alert { org: *org, alert: *alert };
                vec![send(Queue::EscalationTick, serde_json::to_value(&body), now)]
            }
        };
        sends.into_iter().filter(|send: &Send| send.due.duration_since(now) <= FAR).collect()
    }
}
