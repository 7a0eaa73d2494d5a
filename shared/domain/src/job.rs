//! Durable work: the one list of its kinds.
//!
//! A job is one item of the table that is due at a time. Its kind says which queue carries its messages, what the
//! message is called, and how it is woken, run and retried. Its reference, ids only, is what the outbox, the queue and
//! the sweep carry.
//!
//! To add a kind, add its entry to `jobs!`. The build then stops where the kind is missing: its key in
//! `store/src/table.rs`, its worker in `app/src/worker.rs`, and its case in `testing/tests/jobs/cases.rs`.

pub mod due;
pub mod lease;
pub mod policy;

use serde::{Deserialize, Serialize};

use crate::id::{AlertId, EscalationId, OrgId, SignInId, SourceId};
use crate::message::Queue;
use crate::slack::step::work::{StepId, Thread};
use policy::{AT_ONCE, BY_SWEEP, DECIDE, Lease, Policy, Run};

/// Makes the types of all kinds: an enum for each queue, whose serialised form is the message on that queue; [`Job`],
/// which is a job of any queue; and [`JobKind`].
macro_rules! jobs {
    ($($(#[$about:meta])* $queue:ident $name:literal => $jobs:ident {
        $($(#[$doc:meta])* $kind:ident $tag:literal $(| $alias:literal)? {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        } = $policy:expr,)+
    })+) => {
        /// A kind of durable work.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum JobKind {
            $($($(#[$doc])* $kind,)+)+
        }

        impl JobKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$($(Self::$kind,)+)+];

            /// The name of the kind.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$kind => stringify!($kind),)+)+ }
            }

            /// The queue that carries its messages.
            pub const fn queue(self) -> Queue {
                match self { $($(Self::$kind => Queue::$queue,)+)+ }
            }

            /// The name of its message on that queue; it never changes.
            pub const fn tag(self) -> &'static str {
                match self { $($(Self::$kind => $tag,)+)+ }
            }

            /// How it is woken, run and retried.
            pub const fn policy(self) -> Policy {
                match self { $($(Self::$kind => $policy,)+)+ }
            }
        }

        /// The reference to a job of any queue.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Job {
            $($(#[$about])* #[serde(rename = $name)] $queue($jobs),)+
        }

        impl Job {
            /// Its kind.
            pub const fn kind(&self) -> JobKind {
                match self { $(Self::$queue(job) => job.kind(),)+ }
            }

            /// Its message, as its queue carries it.
            pub fn message(&self) -> serde_json::Value {
                let message = match self { $(Self::$queue(job) => serde_json::to_value(job),)+ };
                message.expect("a reference consists of plain values")
            }
        }

        $($(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $jobs {
            $($(#[$doc])* #[serde(rename = $tag $(, alias = $alias)?)]
            $kind { $($(#[$field_doc])* $field: $type,)* },)+
        }

        impl $jobs {
            /// Its kind.
            pub const fn kind(&self) -> JobKind {
                match self { $(Self::$kind { .. } => JobKind::$kind,)+ }
            }
        }

        impl From<$jobs> for Job {
            fn from(job: $jobs) -> Self { Self::$queue(job) }
        })+
    };
}

jobs! {
    /// A job of `alert-handle`.
    AlertHandle "alert-handle" => AlertJob {
        /// A heartbeat may have missed its ping.
        HeartbeatCheck "heartbeat" {
            /// The organisation.
            org: OrgId,
            /// The source.
            source: SourceId,
        } = BY_SWEEP,
        /// An alert may have expired, because its source has not repeated it.
        AlertExpiry "lapse" {
            /// The organisation.
            org: OrgId,
            /// The alert.
            alert: AlertId,
        } = BY_SWEEP,
        /// A backfill of a source has a step to do.
        Backfill "backfill" {
            /// The organisation.
            org: OrgId,
            /// The source.
            source: SourceId,
        } = AT_ONCE,
    }

    /// A job of `escalation-tick`.
    EscalationTick "escalation-tick" => EscalationJob {
        /// The time of an escalation's level is up.
        EscalationLevel "due" {
            /// The organisation.
            org: OrgId,
            /// The escalation.
            escalation: EscalationId,
        } = DECIDE,
        /// An alert has joined escalations or is resolved: its escalations have to follow.
        AlertSettle "alert" | "alert_resolved" {
            /// The organisation.
            org: OrgId,
            /// The alert.
            alert: AlertId,
        } = DECIDE,
    }

    /// A job of `notification-send`.
    NotificationSend "notification-send" => NotificationJob {
        /// A notification is to be sent.
        Notification "check" {
            /// The organisation.
            org: OrgId,
            /// The escalation.
            escalation: EscalationId,
            /// The notification's id within the escalation.
            #[serde(rename = "page")]
            notification: String,
        } = Policy {
            run: Run::Attempt(policy::NOTIFICATION),
            again: Some(policy::NOTIFICATION_AGAIN),
            carried: Some(("due", "page")),
            ..DECIDE
        },
        /// A link to sign in is to be mailed.
        SignInMail "sign_in" {
            /// The attempt to sign in.
            id: SignInId,
        } = Policy { run: Run::Attempt(policy::SIGN_IN_MAIL), ..DECIDE },
    }

    /// A job of `slack-work`.
    SlackWork "slack-work" => SlackJob {
        /// A step is to be done in Slack.
        SlackStep "step" {
            /// The organisation.
            org: OrgId,
            /// The thread that the step belongs to.
            thread: Thread,
            /// The step.
            step: StepId,
        } = Policy { run: Run::Attempt(policy::SLACK_STEP), ..DECIDE },
    }
}

impl Job {
    /// The queue that carries its messages.
    pub const fn queue(&self) -> Queue {
        self.kind().queue()
    }
}

/// A wrong number does not compile.
const _: () = {
    let mut n = 0;
    while n < JobKind::ALL.len() {
        let policy = JobKind::ALL[n].policy();
        if let Run::Attempt(Lease { held_for, timeout, .. }) = policy.run {
            assert!(
                timeout.as_millis() < held_for.as_millis(),
                "work must end before another worker takes the job"
            );
            if let Some(again) = policy.again {
                assert!(
                    held_for.as_millis() < again.as_millis(),
                    "the second message must come after the lease"
                );
            }
        }
        n += 1;
    }
};

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn messages_are_what_queues_have_always_carried() {
        let at = Timestamp::UNIX_EPOCH;
        let (org, alert, source) = (OrgId::new(at, 1), AlertId::new(at, 2), SourceId::new(at, 3));
        let (escalation, id) = (EscalationId::new(at, 4), SignInId::new(at, 5));
        let notification = "001-000-00".to_owned();
        let (thread, step) = (Thread::escalation(escalation), StepId::of("reply"));
        let jobs: Vec<Job> = vec![
            AlertJob::HeartbeatCheck { org, source }.into(),
            AlertJob::AlertExpiry { org, alert }.into(),
            AlertJob::Backfill { org, source }.into(),
            EscalationJob::EscalationLevel { org, escalation }.into(),
            EscalationJob::AlertSettle { org, alert }.into(),
            NotificationJob::Notification { org, escalation, notification }.into(),
            NotificationJob::SignInMail { id }.into(),
            SlackJob::SlackStep { org, thread, step }.into(),
        ];

        assert_eq!(jobs.iter().map(Job::kind).collect::<Vec<_>>(), JobKind::ALL);
        let lines = jobs.iter().map(|job| format!("{} {}", job.queue().name(), job.message()));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
        for job in jobs {
            let stored = serde_json::to_string(&job).unwrap();
            assert_eq!(serde_json::from_str::<Job>(&stored).unwrap(), job, "{stored}");
        }
    }
}
