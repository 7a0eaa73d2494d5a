//! Workers: what each queue carries, and which verb handles it.
//!
//! A message is a job or a request. A job is an item of the table that is due: if its message is lost, the sweep sends
//! another one. A request has no item: its queue holds its only copy, and after that its dead-letter queue.

use std::future::Future;

use domain::Timestamp;
use domain::alert::ReceivedEvent;
use domain::id::{OrgId, SourceId};
use domain::job::{AlertJob, EscalationJob, NotificationJob, SlackJob};
use domain::message::Queue;
use domain::notification::Notification;
use domain::slack::SlackMessage;
use domain::trace::Trace;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::Outgoing;

use crate::alert::acknowledge::{AcknowledgedAlert, RETRY_AFTER, acknowledge};
use crate::alert::outgoing;
use crate::notification::send::Senders;
use crate::slack::SlackServices;
use crate::{AppError, Context, Rules, alert, escalation, heartbeat, notification, sign_in, slack, source};

/// A message of a queue.
#[derive(Debug, Clone)]
pub enum Message<J, R> {
    /// A job may be due.
    Job(J),
    /// Somebody asks for something.
    Request(R),
}

/// What handles the messages of a queue.
pub trait Worker: Clone + Send + Sync + 'static {
    /// The queue.
    const QUEUE: Queue;
    /// The jobs that it carries.
    type Job: DeserializeOwned + Send;
    /// The requests that it carries.
    type Request: DeserializeOwned + Send;

    /// Takes from the context what the verbs need.
    fn new(ctx: &Context) -> Self;

    /// Does a job, if it is still to be done.
    ///
    /// # Errors
    /// [`AppError`] if the message must come again.
    fn job(
        &self,
        job: Self::Job,
        trace: &Trace,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), AppError>> + Send;

    /// Handles a request.
    ///
    /// # Errors
    /// [`AppError`] if the message must come again.
    fn request(
        &self,
        request: Self::Request,
        trace: &Trace,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), AppError>> + Send;
}

/// A request of a queue that carries jobs alone.
#[derive(Debug, Clone, Copy, Deserialize)]
pub enum NoRequest {}

/// Whether a request is tried for the first time.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_first(tried: &u8) -> bool {
    *tried == 0
}

/// A request to `alert-handle`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertRequest {
    /// An event of an alert.
    Event(Box<ReceivedEvent>),
    /// A source reports that somebody has acknowledged an alert there.
    Acknowledged {
        /// The organisation.
        org: OrgId,
        /// The source.
        source: SourceId,
        /// The hash of the alert's deduplication key.
        key: String,
        /// Who it was, as the source names them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// How often it was tried while the alert was unknown.
        #[serde(default, skip_serializing_if = "is_first")]
        tried: u8,
    },
    /// An authenticated delivery could not be read.
    DeliveryFailed {
        /// The organisation.
        org: OrgId,
        /// The source.
        source: SourceId,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A request to `notification-send`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationRequest {
    /// A notification is due. The message carries it as it was written, so that sending it reads nothing.
    Due {
        /// The notification.
        #[serde(rename = "page")]
        notification: Box<Notification>,
    },
    /// A topic's subscription to a source is to be confirmed at an address that was checked.
    Subscribe {
        /// The source.
        source: SourceId,
        /// The address at which it is confirmed; a secret.
        url: String,
    },
}

/// Handles events of alerts, heartbeats, expiries and backfills.
#[derive(Clone)]
pub struct AlertHandle {
    ctx: Context,
    rules: Rules,
}

impl Worker for AlertHandle {
    const QUEUE: Queue = Queue::AlertHandle;
    type Job = AlertJob;
    type Request = AlertRequest;

    fn new(ctx: &Context) -> Self {
        Self { ctx: ctx.clone(), rules: Rules::new(ctx.store.clone()) }
    }

    async fn job(&self, job: AlertJob, _trace: &Trace, now: Timestamp) -> Result<(), AppError> {
        let store = &self.ctx.store;
        match job {
            AlertJob::HeartbeatCheck { org, source } => {
                heartbeat::check::check(store, (org, source), now).await
            }
            AlertJob::AlertExpiry { org, alert } => alert::expire::expire(store, (org, alert), now).await,
            AlertJob::Backfill { org, source } => {
                source::backfill::step(store, &self.rules, (org, source), now).await
            }
        }
    }

    async fn request(&self, request: AlertRequest, trace: &Trace, now: Timestamp) -> Result<(), AppError> {
        let (store, rules) = (&self.ctx.store, &self.rules);
        match request {
            AlertRequest::Event(received) => {
                alert::receive::receive(store, rules, &received, trace, now).await?;
                source::seen::delivered(store, rules, &received).await
            }
            AlertRequest::Acknowledged { org, source, key, by, tried } => {
                let found = acknowledge(store, (org, source), &key, by.as_deref(), now).await?;
                let pause = RETRY_AFTER.get(usize::from(tried)).copied();
                let Some(delay) = pause.filter(|_| found == AcknowledgedAlert::Unknown) else {
                    return Ok(());
                };
                let again = AlertRequest::Acknowledged { org, source, key, by, tried: tried + 1 };
                let message = Outgoing { delay, ..outgoing((org, source), trace, again) };
                Ok(self.ctx.queues.send(Queue::AlertHandle, vec![message]).await?)
            }
            AlertRequest::DeliveryFailed { org, source, at, reason } => {
                source::seen::failed(store, org, source, at, &reason).await
            }
        }
    }
}

/// Rescues events that `alert-handle` could not handle.
#[derive(Clone)]
pub struct AlertRescue {
    ctx: Context,
    rules: Rules,
}

impl Worker for AlertRescue {
    const QUEUE: Queue = Queue::AlertRescue;
    type Job = AlertJob;
    type Request = AlertRequest;

    fn new(ctx: &Context) -> Self {
        Self { ctx: ctx.clone(), rules: Rules::new(ctx.store.clone()) }
    }

    /// Does nothing: the sweep sends another message to `alert-handle`.
    async fn job(&self, _job: AlertJob, _trace: &Trace, _now: Timestamp) -> Result<(), AppError> {
        Ok(())
    }

    async fn request(&self, request: AlertRequest, trace: &Trace, now: Timestamp) -> Result<(), AppError> {
        match request {
            AlertRequest::Event(received) => {
                alert::rescue::rescue(&self.ctx.store, &self.rules, &received, trace, now).await?;
                Ok(())
            }
            // People are still notified, and can acknowledge here.
            AlertRequest::Acknowledged { .. } => Ok(()),
            // The source's page shows the next failure.
            AlertRequest::DeliveryFailed { .. } => Ok(()),
        }
    }
}

/// Takes escalations to their next level, and ends them with their alerts.
#[derive(Clone)]
pub struct EscalationTick {
    ctx: Context,
    rules: Rules,
}

impl Worker for EscalationTick {
    const QUEUE: Queue = Queue::EscalationTick;
    type Job = EscalationJob;
    type Request = NoRequest;

    fn new(ctx: &Context) -> Self {
        Self { ctx: ctx.clone(), rules: Rules::new(ctx.store.clone()) }
    }

    async fn job(&self, job: EscalationJob, _trace: &Trace, now: Timestamp) -> Result<(), AppError> {
        let (store, rules) = (&self.ctx.store, &self.rules);
        match job {
            EscalationJob::EscalationLevel { org, escalation } => {
                escalation::tick::tick(store, rules, org, escalation, now).await.map(drop)
            }
            EscalationJob::AlertSettle { org, alert } => {
                escalation::reconcile::reconcile(store, rules, org, alert, now).await
            }
        }
    }

    async fn request(&self, request: NoRequest, _trace: &Trace, _now: Timestamp) -> Result<(), AppError> {
        match request {}
    }
}

/// Sends notifications, and emails with sign-in links.
#[derive(Clone)]
pub struct NotificationSend {
    ctx: Context,
    senders: Senders,
}

impl Worker for NotificationSend {
    const QUEUE: Queue = Queue::NotificationSend;
    type Job = NotificationJob;
    type Request = NotificationRequest;

    fn new(ctx: &Context) -> Self {
        Self { ctx: ctx.clone(), senders: ctx.senders() }
    }

    async fn job(&self, job: NotificationJob, _trace: &Trace, now: Timestamp) -> Result<(), AppError> {
        let (store, senders) = (&self.ctx.store, &self.senders);
        match job {
            NotificationJob::Notification { org, escalation, notification } => {
                match store.notification(org, escalation, &notification).await? {
                    Some(notification) => notification::send::send(store, senders, &notification, now).await,
                    None => Ok(()),
                }
            }
            NotificationJob::SignInMail { id } => sign_in::send::send(store, senders, id, now).await,
        }
    }

    async fn request(
        &self,
        request: NotificationRequest,
        _trace: &Trace,
        now: Timestamp,
    ) -> Result<(), AppError> {
        match request {
            NotificationRequest::Due { notification } => {
                notification::send::send(&self.ctx.store, &self.senders, &notification, now).await
            }
            NotificationRequest::Subscribe { source, url } => {
                source::confirm::confirm(&self.senders.outside, source, &url).await
            }
        }
    }
}

/// Does what people ask for in Slack, and the steps that are to be done in Slack.
#[derive(Clone)]
pub struct SlackWork {
    services: SlackServices,
}

impl Worker for SlackWork {
    const QUEUE: Queue = Queue::SlackWork;
    type Job = SlackJob;
    type Request = SlackMessage;

    fn new(ctx: &Context) -> Self {
        Self { services: SlackServices::new(ctx) }
    }

    async fn job(&self, job: SlackJob, _trace: &Trace, now: Timestamp) -> Result<(), AppError> {
        match job {
            SlackJob::SlackStep { org, thread, step } => {
                slack::step::step(&self.services, org, (&thread, &step), now).await
            }
        }
    }

    async fn request(&self, request: SlackMessage, trace: &Trace, now: Timestamp) -> Result<(), AppError> {
        slack::work(&self.services, &request, trace, now).await
    }
}
