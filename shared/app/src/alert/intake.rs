//! Decides whether an event opens an alert, or its source's draft state, filter or rate limit prevents that.
//!
//! In doubt the alert is opened. Alerts above the rate limit are summarised in one alert an hour, so that none is lost
//! silently.

use domain::alert::expiry::Expiry;
use domain::alert::key::EventFacts;
use domain::alert::{AlertEvent, AlertStatus, ReceivedEvent};
use domain::source::{
    DraftSample, IntakeRules, Priorities, RateLimit, RateWindow, Source, SourceState, Template, WithoutAlert,
};
use domain::template::Problem;
use domain::text::{fingerprint, shorten};
use machine::Stateful;
use serde_json::Value;
use store::{Store, StoreError};
use tracing::info;

use super::render::{SourceTemplate, payload_of};
use crate::AppError;
use crate::rules::Snapshot;

/// How long one summary alert stands for the alerts above the rate limit, in seconds.
const SUMMARY_S: u32 = 3600;

/// The most bytes of a rate limit's shard value that a title shows.
const SHARD_BYTES: usize = 100;

/// The decision of a source's intake rules about an event that would open an alert.
pub(super) enum IntakeDecision {
    /// An alert begins.
    Open {
        /// The problems found so far, which are recorded on the alert.
        problems: Vec<String>,
        /// The minute in which the alert counts, if its source has a rate limit.
        window: Option<RateWindow>,
        /// When the alert expires, if its source's alerts expire.
        expiry: Option<Expiry>,
    },
    /// Ignore the event: the source's filter rejected it, or the source is a draft.
    Held,
    /// Handle this summary event instead, as the source is above its rate limit.
    Summarise(Box<SummaryEvent>),
}

/// An event that summarises the alerts above a rate limit.
pub(super) struct SummaryEvent {
    /// The event.
    pub(super) received: ReceivedEvent,
    /// The facts that decide about its key; the content is the same whichever alerts it summarises.
    pub(super) arrival: EventFacts,
    /// The source's template without its title and description.
    pub(super) template: SourceTemplate,
    /// When the summary alert expires: one hour after the last alert above the limit.
    pub(super) expiry: Expiry,
}

/// Decides whether an event opens an alert. `over` says that the alert was resolved before it arrived.
pub(super) async fn decide_intake(
    store: &Store,
    rules: &Snapshot,
    (received, problems): (&ReceivedEvent, &[String]),
    over: bool,
) -> Result<IntakeDecision, AppError> {
    let unknown = || {
        let expiry = IntakeRules::default().expiry_of(&received.event, received.received_at);
        IntakeDecision::Open { problems: problems.to_vec(), window: None, expiry }
    };
    let source = match rules.source(received.source).await {
        Ok(Some(source)) => source,
        // The unreadable source is recorded on the alert where its template is applied.
        Ok(None) | Err(StoreError::Item { .. }) => return Ok(unknown()),
        Err(error) => return Err(error.into()),
    };
    let place = (received.org, received.source);
    if source.head().state() == SourceState::Draft {
        let sample = DraftSample { received_at: received.received_at, event: received.event.clone() };
        store.put_sample(place, &sample).await?;
        info!(alert_source.id = %received.source, "received an event for a draft alert source");
        return Ok(IntakeDecision::Held);
    }
    let expiry = source.intake.expiry_of(&received.event, received.received_at);
    if source.intake.is_open() {
        return Ok(IntakeDecision::Open { problems: problems.to_vec(), window: None, expiry });
    }
    let mut problems = problems.to_vec();
    let mut unread = Vec::new();
    let payload = payload_of(received, &mut unread);
    match admits((&source.template, &source.intake), received, &payload) {
        Ok(true) => {}
        Ok(false) => {
            store
                .count_without_alert(
                    place,
                    WithoutAlert::Filtered,
                    &received.event.title,
                    received.received_at,
                )
                .await?;
            info!(alert_source.id = %received.source, "event rejected by the filter of its alert source");
            return Ok(IntakeDecision::Held);
        }
        Err(problem) => problems.push(let_through(&problem)),
    }
    let Some(limit) = source.intake.limit.as_ref().filter(|_| !over) else {
        return Ok(IntakeDecision::Open { problems, window: None, expiry });
    };
    let shard = limit.shard_of(&payload);
    let window = RateWindow {
        minute: received.received_at.as_second().div_euclid(60),
        shard: fingerprint(shard.as_bytes(), 32),
        most: limit.per_minute,
    };
    if store.is_full(place, &window).await? {
        let summary = summary(&source, received, limit, &shard);
        return Ok(IntakeDecision::Summarise(Box::new(summary)));
    }
    Ok(IntakeDecision::Open { problems, window: Some(window), expiry })
}

/// Says whether an event passes the filter of its source.
pub(super) fn admits(
    (template, intake): (&Template, &IntakeRules),
    received: &ReceivedEvent,
    payload: &Value,
) -> Result<bool, Problem> {
    let received = &*Priorities::apply(template.priority.as_ref(), received);
    intake.admits(template, &received.event, payload)
}

/// The problem recorded on an alert whose filter could not be evaluated.
pub(super) fn let_through(Problem(problem): &Problem) -> String {
    format!("the filter of the alert source could not be evaluated, so the event passed: {problem}")
}

/// Makes the summary event for an event above the rate limit.
///
/// Within an hour it is the same event, so that it opens one alert and then counts as a repeat. It has the payload and
/// priority of the first event, so that the people who would be notified for that one are notified.
fn summary(source: &Source, received: &ReceivedEvent, limit: &RateLimit, shard: &str) -> SummaryEvent {
    let hour = received.received_at.as_second().div_euclid(SUMMARY_S.into());
    let per_minute = limit.per_minute;
    let of = if shard.is_empty() { String::new() } else { format!(" of `{}`", shorten(shard, SHARD_BYTES)) };
    let first = shorten(&received.event.title, sources::limits::TITLE_BYTES);
    let event = AlertEvent {
        status: AlertStatus::Firing,
        deduplication_key: format!("firebell:rate-limit:{hour}:{}", fingerprint(shard.as_bytes(), 32)),
        title: format!("More than {per_minute} alerts a minute{of} from {}", source.name),
        description: Some(format!(
            "This alert summarises the alerts above the rate limit of its source until the end of the hour. \
             The first of them was “{first}”. Those that are still firing start alerts of their own when they are \
             sent again below the limit."
        )),
        occurred_at: None,
        began_at: None,
        holds_s: None,
        ..received.event.clone()
    };
    let (id, kind) = (received.id.standing(), received.kind.clone());
    let received = ReceivedEvent { event, id, kind, asked_by: None, ..*received };
    let content = fingerprint(received.event.deduplication_key.as_bytes(), 16);
    let arrival = EventFacts { content, ..received.arrival() };
    let Template { title, description, .. } = Template::default();
    let template =
        SourceTemplate::Given(Box::new(Template { title, description, ..source.template.clone() }));
    let expiry = Expiry::new(SUMMARY_S, false, received.received_at);
    SummaryEvent { received, arrival, template, expiry }
}
