//! Deliveries of alert sources: verify over the raw bytes, parse, queue, 202. Nothing else happens in the request.

use std::collections::HashMap;
use std::sync::Arc;

use app::alert::outgoing;
use app::{AppError, Context};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use bytes::Bytes;
use domain::alert::{AlertEvent, ReceivedEvent, key_hash};
use domain::id::EventId;
use domain::message::{AlertMessage, NotificationMessage, Queue};
use domain::trace::Trace;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use runtime::Tracing;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::json;
use sources::{Acknowledgement, AlertSource, Delivery, Kind, Subscription, Verified, VerifyError, limits};
use store::Outgoing;
use tracing::{info, warn};

use crate::ApiError;
use crate::door::{Address, Doors, Opened};
use crate::front;
use crate::operation::{Operation, Resource};
use crate::sns::{OwnExample, Sns};

/// What the handlers of one kind of source need.
pub(crate) struct Desk {
    kind: Kind,
    pub(crate) ctx: Context,
    doors: Doors,
    sns: Sns,
}

/// Where Prometheus finds its Alertmanager behind the address of its source.
const PROMETHEUS: &str = "/v2/alert_events/prometheus/{id}/api/v2/alerts";

/// Where a job says that it ran.
const PING: &str = "/v2/heartbeat/{id}/ping";

/// What can be done with deliveries: the same for every kind of source, each with a router of its own.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert events",
    operations: &[
        Operation::post(
            "/v2/alert_events/{kind}/{id}",
            "Takes a delivery of an alert source, in its sender's words, with the source's own secret",
            MethodRouter::new,
        )
        .needs_a_secret()
        .takes("any")
        .answers(202, "Accepted"),
        Operation::post(
            PROMETHEUS,
            "Takes alerts of Prometheus as an Alertmanager does, with the source's own secret; this is ours",
            MethodRouter::new,
        )
        .needs_a_secret()
        .takes("any")
        .answers(202, "Accepted"),
        Operation::get(PING, "Says that a job ran, with the secret of its heartbeat", MethodRouter::new)
            .needs_a_secret()
            .answers_nothing(204),
        Operation::post(PING, "Says that a job ran, with the secret of its heartbeat", MethodRouter::new)
            .needs_a_secret()
            .answers_nothing(204),
    ],
    shapes: &[("Accepted", "{status*: string, message*: string, deduplication_key: string}")],
};

/// The router of one kind of source: its own addresses, and the front door of the product whose API it speaks.
pub fn router(kind: Kind, ctx: Context) -> axum::Router {
    let path = format!("/v2/alert_events/{}/{{id}}", kind.get().kind());
    let desk = Arc::new(Desk { kind, ctx, doors: Doors::default(), sns: Sns::default() });
    let own = axum::Router::new().route(&path, post(receive));
    let front = match kind {
        Kind::OpsgenieAlerts => front::opsgenie::router(),
        Kind::PagerDutyEvents => front::pagerduty::router(),
        Kind::Prometheus => axum::Router::new().route(PROMETHEUS, post(receive)),
        Kind::Heartbeat => axum::Router::new().route(PING, get(ping).post(ping)),
        _ => axum::Router::new(),
    };
    own.merge(front).with_state(desk)
}

/// The trace that a request belongs to.
pub(crate) fn trace_of(desk: &Desk, request: &Request) -> Trace {
    let trace = request.extensions().get::<Tracing>().map(|Tracing(trace)| trace.clone());
    trace.unwrap_or_else(|| Trace::begin(desk.ctx.random()))
}

async fn receive(State(desk): State<Arc<Desk>>, Path(id): Path<String>, request: Request) -> Response {
    let trace = trace_of(&desk, &request);
    match desk.receive(&id, request, &trace).await {
        Ok(taken) => {
            let body = json!({
                "status": "success",
                "message": taken.says("Event accepted for processing"),
                "deduplication_key": taken.key,
            });
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Err(error) => error.in_request(trace.id()).into_response(),
    }
}

async fn ping(State(desk): State<Arc<Desk>>, Path(id): Path<String>, request: Request) -> Response {
    let trace = trace_of(&desk, &request);
    match desk.ping(&id, request, &trace).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.in_request(trace.id()).into_response(),
    }
}

/// A delivery that was taken.
pub(crate) struct Taken {
    /// The deduplication key of its first event.
    pub(crate) key: String,
    /// Whether its source is a draft.
    draft: bool,
}

impl Taken {
    /// What its sender is told: these words, or that nobody is paged.
    pub(crate) const fn says(&self, words: &'static str) -> &'static str {
        if self.draft {
            "Taken as a trial: this alert source is a draft, and nobody is paged until it is activated"
        } else {
            words
        }
    }
}

/// There is no source at this address.
fn unknown() -> ApiError {
    ApiError::not_found("There is no such alert source")
}

/// What arrived of a body.
enum Arrived {
    Whole(Bytes),
    TooLarge,
    Broken,
}

/// Reads a body up to the limit.
async fn read(body: Body) -> Arrived {
    match Limited::new(body, limits::DELIVERY_BYTES).collect().await {
        Ok(whole) => Arrived::Whole(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Arrived::TooLarge,
        Err(_) => Arrived::Broken,
    }
}

impl Desk {
    /// Takes a delivery at the source's own address.
    async fn receive(&self, id: &str, request: Request, trace: &Trace) -> Result<Taken, ApiError> {
        let id = id.parse().map_err(|_| unknown())?;
        self.deliver(|_| Some(Address::Id(id)), "", request, trace).await
    }

    /// Takes a ping: who it is of is proved as for a delivery, and what it says is of no concern, unless it says how
    /// it went.
    async fn ping(&self, id: &str, request: Request, trace: &Trace) -> Result<(), ApiError> {
        let address = Address::Id(id.parse().map_err(|_| unknown())?);
        let (parts, body) = request.into_parts();
        let body = match read(body).await {
            Arrived::Whole(whole) => whole,
            Arrived::TooLarge => Bytes::new(),
            Arrived::Broken => return Err(ApiError::bad_request("the body ended before it was whole")),
        };
        let (query, now) = (parts.uri.query(), self.ctx.now());
        let delivery = Delivery { headers: &parts.headers, path: "", query, body: &body, now };
        let is_own = parts.extensions.get::<OwnExample>().is_some();
        let found = self.verify(&address, &delivery, is_own, trace).await?;
        let (opened, verified) = found.ok_or_else(unknown)?;
        let says: Result<HashMap<String, IgnoredAny>, _> = serde_json::from_slice(&body);
        if says.is_ok_and(|fields| fields.contains_key("status")) {
            self.accept(&opened, verified, trace).await?;
        }
        let place = (opened.door.org, opened.door.id);
        app::heartbeat::ping::ping(&self.ctx.store, place, trace, now).await.map_err(unavailable)
    }

    /// Takes a delivery at the front door, where its secret leads to its source; none if it names no secret.
    pub(crate) async fn deliver_by_secret(
        &self,
        path: &str,
        request: Request,
        trace: &Trace,
    ) -> Result<Taken, ApiError> {
        let by_secret = |delivery: &Delivery<'_>| {
            Some(Address::Key(sources::secret_hash(
                self.source().kind(),
                &self.source().secret_in(delivery)?,
            )))
        };
        self.deliver(by_secret, path, request, trace).await
    }

    /// The kind of source that delivers here.
    fn source(&self) -> &'static dyn AlertSource {
        self.kind.get()
    }

    /// Takes a delivery: verifies it, parses it and queues what it tells.
    async fn deliver(
        &self,
        address: impl FnOnce(&Delivery<'_>) -> Option<Address>,
        path: &str,
        request: Request,
        trace: &Trace,
    ) -> Result<Taken, ApiError> {
        let (parts, body) = request.into_parts();
        let whole = match read(body).await {
            Arrived::Whole(whole) => Some(whole),
            Arrived::TooLarge => None,
            Arrived::Broken => return Err(ApiError::bad_request("the body ended before it was whole")),
        };
        let body = whole.clone().unwrap_or_default();
        let (query, now) = (parts.uri.query(), self.ctx.now());
        let delivery = Delivery { headers: &parts.headers, path, query, body: &body, now };
        let address = address(&delivery).ok_or_else(ApiError::no_authorization)?;
        let is_own = parts.extensions.get::<OwnExample>().is_some();
        let found = self.verify(&address, &delivery, is_own, trace).await?;
        let (opened, verified) = found.ok_or_else(unknown)?;
        if whole.is_none() {
            let length = length_of(&parts.headers);
            let event = sources::too_large_event(self.source().name(), length, self.ctx.now());
            self.queue(&opened, (vec![event], Vec::new()), trace).await?;
            let most = limits::DELIVERY_BYTES;
            return Err(ApiError::too_large(format!("A delivery has at most {most} bytes")));
        }
        self.accept(&opened, verified, trace).await
    }

    /// Finds out whether the sender is who it should be; none if there is no such source.
    async fn verify<'a>(
        &self,
        address: &Address,
        delivery: &Delivery<'a>,
        is_own: bool,
        trace: &Trace,
    ) -> Result<Option<(Opened, Verified<'a>)>, ApiError> {
        let source = self.source();
        for doubted in [false, true] {
            let found = self.doors.find(&self.ctx, address, doubted).await.map_err(unavailable)?;
            let Some(opened) = found.filter(|opened| opened.door.kind.0 == source.kind()) else {
                return Ok(None);
            };
            let mut outcome = source.verify(delivery, &opened.secret, opened.previous(delivery.now));
            if source.uses_sns() && !is_own {
                let held = self.sns.verify(&self.ctx, &opened, delivery, (source, outcome), doubted).await;
                outcome = held.map_err(unavailable)?;
            }
            match outcome {
                Ok(verified) if opened.door.open => return Ok(Some((opened, verified))),
                Ok(_) => return Ok(None),
                Err(VerifyError::Missing) => return Err(ApiError::no_authorization()),
                // The secret may have been changed since: look once more, as far as that is allowed.
                Err(VerifyError::Wrong) => {}
                Err(known @ (VerifyError::Stale | VerifyError::Replayed | VerifyError::WrongTopic)) => {
                    self.report(&opened, trace, known.to_string()).await;
                    return Err(ApiError::wrong_authorization());
                }
            }
        }
        Err(ApiError::wrong_authorization())
    }

    /// Parses a verified delivery and puts its events on the queue.
    async fn accept(
        &self,
        opened: &Opened,
        verified: Verified<'_>,
        trace: &Trace,
    ) -> Result<Taken, ApiError> {
        let source = self.source();
        let spare_key = format!("{:032x}", self.ctx.random());
        let parsed = match source.parse(verified, &spare_key) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.report(opened, trace, error.to_string()).await;
                return Err(ApiError::bad_request(error.to_string()));
            }
        };
        if let Some(subscription) = parsed.subscription {
            self.subscribe(opened, subscription, trace).await?;
        }
        let acknowledged = parsed.acknowledged;
        let mut events = parsed.events;
        let of_seen = acknowledged.first().map(|seen| &seen.deduplication_key);
        let key =
            events.first().map(|event| &event.deduplication_key).or(of_seen).unwrap_or(&spare_key).clone();
        if let Some(unreadable) = &parsed.unreadable {
            events.push(sources::unreadable_event(source.name(), unreadable, self.ctx.now()));
            self.report(opened, trace, unreadable.reason.to_string()).await;
        }
        let count = events.len();
        self.queue(opened, (events, acknowledged), trace).await?;
        info!(alert_source.id = %opened.door.id, events = count, "accepted a delivery");
        Ok(Taken { key, draft: opened.door.draft })
    }

    /// Does what a sender says of its subscription: pins its topic and has it confirmed, or says that it ended.
    ///
    /// The pin comes first: sent again, it is the same pin, and until it is confirmed the sender sends again.
    async fn subscribe(
        &self,
        opened: &Opened,
        subscription: Subscription,
        trace: &Trace,
    ) -> Result<(), ApiError> {
        let asked = match subscription {
            Subscription::ConfirmationRequested(asked) => asked,
            Subscription::Ended { topic } => {
                let reason = format!("the subscription of `{topic}` has ended: nothing more arrives from it");
                self.report(opened, trace, reason).await;
                return Ok(());
            }
        };
        if !self.sns.pin(&self.ctx, opened, &asked.topic).await.map_err(unavailable)? {
            self.report(opened, trace, VerifyError::WrongTopic.to_string()).await;
            return Err(ApiError::wrong_authorization());
        }
        let message = NotificationMessage::Subscribe { source: opened.door.id, url: asked.url };
        let message = self.outgoing(opened, trace, message);
        let sent = self.ctx.queues.send(Queue::NotificationSend, vec![message]).await;
        sent.map_err(|error| unavailable(error.into()))
    }

    /// Puts on the queue what a delivery tells: events, and what somebody is on. Once this returns, it is durable.
    async fn queue(
        &self,
        opened: &Opened,
        (events, acknowledged): (Vec<AlertEvent>, Vec<Acknowledgement>),
        trace: &Trace,
    ) -> Result<(), ApiError> {
        let (org, source, received_at) = (opened.door.org, opened.door.id, self.ctx.now());
        // Ids of one delivery count up, so that what it says of one key keeps its order.
        let first = self.ctx.random() & (u128::MAX >> 64);
        let events = events.into_iter().zip(first..).map(|(event, id)| {
            let (kind, id) = (opened.door.kind.clone(), EventId::new(received_at, id));
            let received = ReceivedEvent { org, source, kind, id, received_at, event, asked_by: None };
            AlertMessage::Event(Box::new(received))
        });
        let acknowledged = acknowledged.into_iter().map(|seen| {
            let key = key_hash(&seen.deduplication_key);
            AlertMessage::Acknowledged { org, source, key, by: seen.by }
        });
        let messages = events.chain(acknowledged).map(|message| self.outgoing(opened, trace, message));
        let messages: Vec<Outgoing> = messages.collect();
        if messages.is_empty() {
            return Ok(());
        }
        let sent = self.ctx.queues.send(Queue::AlertHandle, messages).await;
        sent.map_err(|error| unavailable(error.into()))
    }

    /// Tells the source's configuration what went wrong; that this fails is no reason to refuse anything.
    async fn report(&self, opened: &Opened, trace: &Trace, reason: String) {
        if !self.doors.may_report(opened.door.id, self.ctx.now()) {
            return;
        }
        let (org, source, at) = (opened.door.org, opened.door.id, self.ctx.now());
        let message = self.outgoing(opened, trace, AlertMessage::DeliveryFailed { org, source, at, reason });
        if let Err(error) = self.ctx.queues.send(Queue::AlertHandle, vec![message]).await {
            warn!(alert_source.id = %source, %error, "a delivery's failure could not be reported");
        }
    }

    fn outgoing(&self, opened: &Opened, trace: &Trace, message: impl Serialize) -> Outgoing {
        outgoing((opened.door.org, opened.door.id), trace, message)
    }
}

/// Our own failure: the sender tries again.
fn unavailable(error: AppError) -> ApiError {
    warn!(%error, cause = std::error::Error::source(&error).map(tracing::field::display), "a delivery could not be accepted");
    ApiError::unavailable()
}

/// What the sender says of the body's length.
fn length_of(headers: &HeaderMap) -> usize {
    let length = headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(limits::DELIVERY_BYTES + 1)
}
