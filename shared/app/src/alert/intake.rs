//! What becomes of an event that would begin an alert: the alert, or nothing by its source's draft, filter or limit.
//!
//! In doubt it begins. What a limit holds back is told of in one alert an hour, so that nothing is lost unseen.

use domain::alert::expiry::Expiry;
use domain::alert::key::EventFacts;
use domain::alert::{AlertEvent, AlertStatus, ReceivedEvent};
use domain::source::{
    DraftSample, IntakeRules, Priorities, RateLimit, RateWindow, Source, SourceState, Template,
};
use domain::template::Problem;
use domain::text::{fingerprint, shorten};
use machine::Stateful;
use serde_json::Value;
use store::{Store, StoreError};
use tracing::info;

use super::read::{Found, payload_of};
use crate::AppError;
use crate::rules::Snapshot;

/// How long one alert stands for those that a limit holds back.
const SUMMARY_S: u32 = 3600;

/// The bytes of what is counted apart, where it is shown.
const SHARD_BYTES: usize = 100;

/// What becomes of an event that would begin an alert.
pub(super) enum Fate {
    /// An alert begins.
    Begins {
        /// What failed on the way.
        noted: Vec<String>,
        /// The minute that it is counted in, if its source has a limit.
        window: Option<RateWindow>,
        /// How long it lasts, unless until it is resolved.
        lapse: Option<Expiry>,
    },
    /// Nothing: its source's filter holds it back, or the source is a draft.
    Held,
    /// The minute has no room for it: another event stands for it and for more of them.
    StoodFor(Box<Standing>),
}

/// An event that stands for others.
pub(super) struct Standing {
    /// The event.
    pub(super) received: ReceivedEvent,
    /// What matters of it: its content is the same whichever it stands for.
    pub(super) arrival: EventFacts,
    /// Its source's template, which does not title it.
    pub(super) template: Found,
    /// It is over once nothing was held back for as long as it stands for.
    pub(super) lapse: Expiry,
}

/// Decides what becomes of an event that would begin an alert; `over` says that it is over already.
pub(super) async fn fate(
    store: &Store,
    rules: &Snapshot,
    (received, noted): (&ReceivedEvent, &[String]),
    over: bool,
) -> Result<Fate, AppError> {
    let unknown = || {
        let lapse = IntakeRules::default().lapse_of(&received.event, received.received_at);
        Fate::Begins { noted: noted.to_vec(), window: None, lapse }
    };
    let source = match rules.source(received.source).await {
        Ok(Some(source)) => source,
        // That it cannot be read is noted where its template is wanted.
        Ok(None) | Err(StoreError::Item { .. }) => return Ok(unknown()),
        Err(error) => return Err(error.into()),
    };
    let place = (received.org, received.source);
    if source.head().state() == SourceState::Draft {
        let sample = DraftSample { received_at: received.received_at, event: received.event.clone() };
        store.put_sample(place, &sample).await?;
        info!(alert_source.id = %received.source, "received an event for a draft alert source");
        return Ok(Fate::Held);
    }
    let lapse = source.intake.lapse_of(&received.event, received.received_at);
    if source.intake.is_open() {
        return Ok(Fate::Begins { noted: noted.to_vec(), window: None, lapse });
    }
    let mut noted = noted.to_vec();
    let mut unread = Vec::new();
    let payload = payload_of(received, &mut unread);
    match admits((&source.template, &source.intake), received, &payload) {
        Ok(true) => {}
        Ok(false) => {
            store.count_filtered(place, &received.event.title, received.received_at).await?;
            info!(alert_source.id = %received.source, "event rejected by the filter of its alert source");
            return Ok(Fate::Held);
        }
        Err(problem) => noted.push(let_through(&problem)),
    }
    let Some(limit) = source.intake.limit.as_ref().filter(|_| !over) else {
        return Ok(Fate::Begins { noted, window: None, lapse });
    };
    let shard = limit.shard_of(&payload);
    let window = RateWindow {
        minute: received.received_at.as_second().div_euclid(60),
        shard: fingerprint(shard.as_bytes(), 32),
        most: limit.per_minute,
    };
    if store.is_full(place, &window).await? {
        let standing = standing(&source, received, limit, &shard);
        return Ok(Fate::StoodFor(Box::new(standing)));
    }
    Ok(Fate::Begins { noted, window: Some(window), lapse })
}

/// Says whether a source's filter lets an event through.
pub(super) fn admits(
    (template, intake): (&Template, &IntakeRules),
    received: &ReceivedEvent,
    payload: &Value,
) -> Result<bool, Problem> {
    let received = &*Priorities::apply(template.priority.as_ref(), received);
    intake.admits(template, &received.event, payload)
}

/// What is noted of an event that the filter could not judge.
pub(super) fn let_through(Problem(problem): &Problem) -> String {
    format!("the filter of the alert source could not be evaluated, so the event passed: {problem}")
}

/// The event that stands for one that a limit holds back: the same one in its hour, so that it begins once and then is
/// counted; and with the first one's payload and priority, so that whoever is paged for that is paged for all.
fn standing(source: &Source, received: &ReceivedEvent, limit: &RateLimit, shard: &str) -> Standing {
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
    let template = Found::Tried(Box::new(Template { title, description, ..source.template.clone() }));
    let lapse = Expiry::new(SUMMARY_S, false, received.received_at);
    Standing { received, arrival, template, lapse }
}
