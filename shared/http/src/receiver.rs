//! Receives deliveries of alert sources: verifies them over the raw bytes, parses them and queues their events. Nothing
//! else happens in the request.

use app::worker::{AlertRequest, NotificationRequest};
use std::collections::HashMap;

use app::alert::outgoing;
use app::{AppError, Context};
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use domain::alert::{AlertEvent, ReceivedEvent, key_hash};
use domain::id::EventId;
use domain::message::Queue;
use domain::trace::Trace;
use http::HeaderMap;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use runtime::Tracing;
use serde::Serialize;
use serde::de::IgnoredAny;
use sources::{Acknowledgement, AlertSource, Delivery, Kind, Subscription, Verified, VerifyError, limits};
use store::Outgoing;
use tracing::{info, warn};

use crate::ApiError;
use crate::error::log_failure;
use crate::own_output::OwnOutput;
use crate::sns::{OwnExample, SnsVerifier};
use crate::source_credentials::{CredentialsCache, CredentialsKey, OpenedCredentials};

/// Receives the deliveries of one kind of alert source.
pub(crate) struct Receiver {
    kind: Kind,
    pub(crate) ctx: Context,
    own: OwnOutput,
    credentials: CredentialsCache,
    sns: SnsVerifier,
}

/// A delivery that was accepted.
pub(crate) struct Accepted {
    /// The deduplication key of its first event.
    pub(crate) key: String,
    /// Whether the source is a draft.
    is_draft: bool,
}

impl Accepted {
    /// The message in the response: this one, or for a draft, that nobody is paged.
    pub(crate) const fn message(&self, message: &'static str) -> &'static str {
        if self.is_draft {
            "Accepted, but this alert source is a draft: nobody is paged until it is activated"
        } else {
            message
        }
    }
}

/// The error for an address without an alert source.
fn unknown_source() -> ApiError {
    ApiError::not_found("There is no such alert source")
}

/// The body of a request.
enum RequestBody {
    Complete(Bytes),
    TooLarge,
    Incomplete,
}

/// Reads a body up to the limit.
async fn read(body: Body) -> RequestBody {
    match Limited::new(body, limits::DELIVERY_BYTES).collect().await {
        Ok(complete) => RequestBody::Complete(complete.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => RequestBody::TooLarge,
        Err(_) => RequestBody::Incomplete,
    }
}

/// The error for a body that ended before its declared length.
fn incomplete_body() -> ApiError {
    ApiError::bad_request("The request body is incomplete")
}

impl Receiver {
    /// Creates a receiver for one kind of alert source.
    pub(crate) fn new(kind: Kind, ctx: Context) -> Self {
        let own = OwnOutput::new(&ctx);
        Self { kind, ctx, own, credentials: CredentialsCache::default(), sns: SnsVerifier::default() }
    }

    /// The trace that a request belongs to.
    pub(crate) fn trace_of(&self, request: &Request) -> Trace {
        let trace = request.extensions().get::<Tracing>().map(|Tracing(trace)| trace.clone());
        trace.unwrap_or_else(|| Trace::begin(self.ctx.random()))
    }

    /// The kind of alert source whose deliveries are received.
    fn source(&self) -> &'static dyn AlertSource {
        self.kind.get()
    }

    /// Receives a delivery at the source's own address.
    pub(crate) async fn deliver_by_id(
        &self,
        id: &str,
        request: Request,
        trace: &Trace,
    ) -> Result<Accepted, ApiError> {
        let id = id.parse().map_err(|_| unknown_source())?;
        self.deliver(|_| Some(CredentialsKey::Id(id)), "", request, trace).await
    }

    /// Receives a delivery whose secret leads to its source.
    pub(crate) async fn deliver_by_secret(
        &self,
        path: &str,
        request: Request,
        trace: &Trace,
    ) -> Result<Accepted, ApiError> {
        let by_secret = |delivery: &Delivery<'_>| {
            let secret = self.source().secret_in(delivery)?;
            Some(CredentialsKey::SecretHash(sources::secret_hash(self.source().kind(), &secret)))
        };
        self.deliver(by_secret, path, request, trace).await
    }

    /// Receives a ping of a job. The body is ignored unless it reports the status of the job.
    pub(crate) async fn ping(&self, id: &str, request: Request, trace: &Trace) -> Result<(), ApiError> {
        let key = CredentialsKey::Id(id.parse().map_err(|_| unknown_source())?);
        let (parts, body) = request.into_parts();
        let body = match read(body).await {
            RequestBody::Complete(body) => body,
            RequestBody::TooLarge => Bytes::new(),
            RequestBody::Incomplete => return Err(incomplete_body()),
        };
        let (query, now) = (parts.uri.query(), self.ctx.now());
        let delivery = Delivery { headers: &parts.headers, path: "", query, body: &body, now };
        let is_own = parts.extensions.get::<OwnExample>().is_some();
        let found = self.verify(&key, &delivery, is_own, trace).await?;
        let (credentials, verified) = found.ok_or_else(unknown_source)?;
        let report: Result<HashMap<String, IgnoredAny>, _> = serde_json::from_slice(&body);
        if report.is_ok_and(|fields| fields.contains_key("status")) {
            self.accept(&credentials, verified, trace).await?;
        }
        let place = (credentials.stored.org, credentials.stored.id);
        app::heartbeat::ping::ping(&self.ctx.store, place, trace, now).await.map_err(unavailable)
    }

    /// Receives a delivery: verifies it, parses it and queues its events.
    async fn deliver(
        &self,
        key: impl FnOnce(&Delivery<'_>) -> Option<CredentialsKey>,
        path: &str,
        request: Request,
        trace: &Trace,
    ) -> Result<Accepted, ApiError> {
        let (parts, body) = request.into_parts();
        let complete = match read(body).await {
            RequestBody::Complete(body) => Some(body),
            RequestBody::TooLarge => None,
            RequestBody::Incomplete => return Err(incomplete_body()),
        };
        let body = complete.clone().unwrap_or_default();
        let (query, now) = (parts.uri.query(), self.ctx.now());
        let delivery = Delivery { headers: &parts.headers, path, query, body: &body, now };
        let key = key(&delivery).ok_or_else(ApiError::no_authorization)?;
        let is_own = parts.extensions.get::<OwnExample>().is_some();
        if complete.is_none() && self.source().is_signed(&delivery) {
            return self.too_large_to_verify(&key, &delivery, trace).await;
        }
        let found = self.verify(&key, &delivery, is_own, trace).await?;
        let (credentials, verified) = found.ok_or_else(unknown_source)?;
        if complete.is_none() {
            let length = length_of(&parts.headers);
            let event = sources::too_large_event(self.name_of(&credentials), length, self.ctx.now());
            self.queue(&credentials, (vec![event], Vec::new()), trace).await?;
            return Err(too_large());
        }
        self.accept(&credentials, verified, trace).await
    }

    /// Refuses a delivery over the limit whose signature cannot be checked without its body. The source shows it. It
    /// opens no alert, because anybody could have sent it.
    async fn too_large_to_verify(
        &self,
        key: &CredentialsKey,
        delivery: &Delivery<'_>,
        trace: &Trace,
    ) -> Result<Accepted, ApiError> {
        let found = self.credentials.find(&self.ctx, key, false).await.map_err(unavailable)?;
        let credentials = found.filter(|found| found.stored.kind.0 == self.source().kind());
        let credentials = credentials.ok_or_else(unknown_source)?;
        let (length, limit) = (length_of(delivery.headers), limits::DELIVERY_BYTES);
        self.report(
            &credentials,
            trace,
            format!("a delivery has {length} bytes, and the limit is {limit} bytes"),
        )
        .await;
        Err(too_large())
    }

    /// The name of a source, or of its kind.
    fn name_of<'a>(&self, credentials: &'a OpenedCredentials) -> &'a str {
        let name = &credentials.stored.name;
        if name.is_empty() { self.source().name() } else { name }
    }

    /// Verifies that a delivery is from the sender. `None` if there is no such alert source.
    async fn verify<'a>(
        &self,
        key: &CredentialsKey,
        delivery: &Delivery<'a>,
        is_own: bool,
        trace: &Trace,
    ) -> Result<Option<(OpenedCredentials, Verified<'a>)>, ApiError> {
        let source = self.source();
        for in_doubt in [false, true] {
            let found = self.credentials.find(&self.ctx, key, in_doubt).await.map_err(unavailable)?;
            let Some(credentials) = found.filter(|found| found.stored.kind.0 == source.kind()) else {
                return Ok(None);
            };
            let previous = credentials.previous(delivery.now);
            let mut outcome = source.verify(delivery, &credentials.secret, previous);
            if source.uses_sns() && !is_own {
                let by_sns =
                    self.sns.verify(&self.ctx, &credentials, delivery, (source, outcome), in_doubt).await;
                outcome = by_sns.map_err(unavailable)?;
            }
            match outcome {
                Ok(verified) if credentials.stored.open => return Ok(Some((credentials, verified))),
                Ok(_) => return Ok(None),
                Err(VerifyError::Missing) => return Err(ApiError::no_authorization()),
                // The secret may have changed after it was cached, so it is read again.
                Err(VerifyError::Wrong) => {}
                Err(refused @ (VerifyError::Stale | VerifyError::Replayed | VerifyError::WrongTopic)) => {
                    self.report(&credentials, trace, refused.to_string()).await;
                    return Err(ApiError::wrong_authorization());
                }
            }
        }
        Err(ApiError::wrong_authorization())
    }

    /// Parses a verified delivery and queues its events.
    async fn accept(
        &self,
        credentials: &OpenedCredentials,
        verified: Verified<'_>,
        trace: &Trace,
    ) -> Result<Accepted, ApiError> {
        let source = self.source();
        let delivery = *verified.delivery();
        let parsed = match source.parse(verified) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.report(credentials, trace, error.to_string()).await;
                return Err(ApiError::bad_request(error.to_string()));
            }
        };
        if let Some(subscription) = parsed.subscription {
            self.subscribe(credentials, subscription, trace).await?;
        }
        let acknowledgements = parsed.acknowledged;
        let mut events = parsed.events;
        for event in &mut events {
            self.own.remove_links(event);
        }
        if self.kind == Kind::Email {
            let received = events.len();
            events.retain(|event| !self.own.sent(event));
            if events.len() < received {
                let reason = "Firebell itself sent this email, so no alert was opened: a notification about it would \
                              be an email again";
                self.report(credentials, trace, reason.to_owned()).await;
            }
        }
        let acknowledged_key = acknowledgements.first().map(|first| &first.deduplication_key);
        let key = events.first().map(|event| &event.deduplication_key).or(acknowledged_key);
        let key =
            key.cloned().unwrap_or_else(|| delivery.content_key(&String::from_utf8_lossy(delivery.body)));
        if let Some(unreadable) = &parsed.unreadable {
            events.push(sources::unreadable_event(self.name_of(credentials), unreadable, self.ctx.now()));
            self.report(credentials, trace, unreadable.reason.to_string()).await;
        }
        let count = events.len();
        self.queue(credentials, (events, acknowledgements), trace).await?;
        info!(alert_source.id = %credentials.stored.id, events = count, "accepted delivery");
        Ok(Accepted { key, is_draft: credentials.stored.draft })
    }

    /// Handles a change of the sender's subscription: binds the source to its topic and has the subscription confirmed,
    /// or reports that it has ended.
    ///
    /// The source is bound before the confirmation is queued. If queueing fails, the sender repeats its request, and
    /// binding the source to the same topic again changes nothing.
    async fn subscribe(
        &self,
        credentials: &OpenedCredentials,
        subscription: Subscription,
        trace: &Trace,
    ) -> Result<(), ApiError> {
        let request = match subscription {
            Subscription::ConfirmationRequested(request) => request,
            Subscription::Ended { topic } => {
                let reason =
                    format!("the subscription of `{topic}` was deleted, so nothing more arrives from it");
                self.report(credentials, trace, reason).await;
                return Ok(());
            }
        };
        if !self.sns.pin(&self.ctx, credentials, &request.topic).await.map_err(unavailable)? {
            self.report(credentials, trace, VerifyError::WrongTopic.to_string()).await;
            return Err(ApiError::wrong_authorization());
        }
        let message = NotificationRequest::Subscribe { source: credentials.stored.id, url: request.url };
        let message = self.outgoing(credentials, trace, message);
        let sent = self.ctx.queues.send(Queue::NotificationSend, vec![message]).await;
        sent.map_err(|error| unavailable(error.into()))
    }

    /// Queues events and acknowledgements. They are durable once this returns.
    async fn queue(
        &self,
        credentials: &OpenedCredentials,
        (events, acknowledgements): (Vec<AlertEvent>, Vec<Acknowledgement>),
        trace: &Trace,
    ) -> Result<(), ApiError> {
        let (org, source) = (credentials.stored.org, credentials.stored.id);
        let received_at = self.ctx.now();
        // The ids of one delivery increase, so that events with the same key keep their order.
        let first = self.ctx.random() & (u128::MAX >> 64);
        let events = events.into_iter().zip(first..).map(|(event, id)| {
            let (kind, id) = (credentials.stored.kind.clone(), EventId::new(received_at, id));
            let received = ReceivedEvent { org, source, kind, id, received_at, event, asked_by: None };
            AlertRequest::Event(Box::new(received))
        });
        let acknowledgements = acknowledgements.into_iter().map(|acknowledgement| {
            let key = key_hash(&acknowledgement.deduplication_key);
            AlertRequest::Acknowledged { org, source, key, by: acknowledgement.by, tried: 0 }
        });
        let messages = events.chain(acknowledgements);
        let messages: Vec<Outgoing> =
            messages.map(|message| self.outgoing(credentials, trace, message)).collect();
        if messages.is_empty() {
            return Ok(());
        }
        let sent = self.ctx.queues.send(Queue::AlertHandle, messages).await;
        sent.map_err(|error| unavailable(error.into()))
    }

    /// Reports a failed delivery, so that the alert source shows it as its last error. A failure of the report is only
    /// logged, because it must not refuse the delivery.
    async fn report(&self, credentials: &OpenedCredentials, trace: &Trace, reason: String) {
        if !self.credentials.may_report(credentials.stored.id, self.ctx.now()) {
            return;
        }
        let (org, source, at) = (credentials.stored.org, credentials.stored.id, self.ctx.now());
        let message = AlertRequest::DeliveryFailed { org, source, at, reason };
        let message = self.outgoing(credentials, trace, message);
        if let Err(error) = self.ctx.queues.send(Queue::AlertHandle, vec![message]).await {
            warn!(alert_source.id = %source, %error, "reporting failed delivery failed");
        }
    }

    fn outgoing(&self, credentials: &OpenedCredentials, trace: &Trace, message: impl Serialize) -> Outgoing {
        outgoing((credentials.stored.org, credentials.stored.id), trace, message)
    }
}

/// The error for our own failure, after which the sender tries again.
fn unavailable(error: AppError) -> ApiError {
    log_failure(&error);
    ApiError::unavailable()
}

/// The error for a delivery over the limit.
fn too_large() -> ApiError {
    ApiError::too_large(format!("A delivery can have at most {} bytes", limits::DELIVERY_BYTES))
}

/// The length of the body that the sender declares.
fn length_of(headers: &HeaderMap) -> usize {
    let length = headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(limits::DELIVERY_BYTES + 1)
}
