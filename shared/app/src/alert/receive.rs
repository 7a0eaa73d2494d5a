//! Handles one event of an alert: a repeat, a new episode, an update, or the resolution.

use domain::alert::attribute::{Merge, merged};
use domain::alert::key::{Decision, EventFacts, KeyRow, decide};
use domain::alert::{Alert, AlertState, Body, ReceivedEvent};
use domain::escalation::{Escalation, EscalationState};
use domain::id::AlertId;
use domain::template::Problem;
use domain::trace::Trace;
use domain::{Identity, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{Commit, KeyTouch, Store};
use tracing::instrument;

use super::flap;
use super::intake::{IntakeDecision, SummaryEvent, decide_intake};
use super::map_event::{self, MappedEvent};
use super::open::{self, NewAlert};
use super::render;
use crate::escalation::begin::MOST_ACTIONS;
use crate::escalation::reconcile::{RestartCause, ensure_covered};
use crate::rules::{Snapshot, readable};
use crate::source::seen;
use crate::{AppError, Rules};

/// The reason for an escalation that starts again because its alert was resolved and is firing again.
pub const FIRES_AGAIN: &str = "resolved and firing again";

/// Handles one event and returns the decision; `None` if the source's intake rules keep it from becoming an alert. A
/// repeated event changes nothing.
///
/// # Errors
/// [`AppError`] if the event is not handled and must come again.
#[instrument(skip_all, fields(event.id = %received.id, alert_source.id = %received.source))]
pub async fn receive(
    store: &Store,
    rules: &Rules,
    received: &ReceivedEvent,
    trace: &Trace,
    now: Timestamp,
) -> Result<Option<Decision>, AppError> {
    let MappedEvent { received, problems } = map_event::map_event(rules, received).await?;
    let by = received.by();
    let (received, arrival) = (&*received, received.arrival());
    let handler =
        EventHandler { store, rules, received, problems: &problems, arrival: &arrival, trace, by: &by, now };
    match handler.handle(None).await? {
        EventOutcome::Decided(decision) => Ok(Some(decision)),
        EventOutcome::Held => Ok(None),
        EventOutcome::Summarise(summary) => {
            let SummaryEvent { received, arrival, .. } = &*summary;
            EventHandler { received, arrival, problems: &[], ..handler }.handle(Some(&summary)).await?;
            Ok(None)
        }
    }
}

/// Handles one received event.
struct EventHandler<'a> {
    store: &'a Store,
    rules: &'a Rules,
    received: &'a ReceivedEvent,
    problems: &'a [String],
    arrival: &'a EventFacts,
    trace: &'a Trace,
    by: &'a Identity,
    now: Timestamp,
}

/// The outcome of an event.
enum EventOutcome {
    /// The decision was carried out.
    Decided(Decision),
    /// The source's intake rules reject the event.
    Held,
    /// This summary event is to be handled instead.
    Summarise(Box<SummaryEvent>),
}

impl EventHandler<'_> {
    /// Handles the event. A summary event has its own template, and no intake rule applies to it.
    async fn handle(&self, summary: Option<&SummaryEvent>) -> Result<EventOutcome, AppError> {
        let EventHandler { store, rules, received, problems, arrival, by, now, .. } = *self;
        let hash = &received.key();
        retry_conflicts(|| async move {
            let known = match store.touch_key(received.org, received.source, hash, arrival).await? {
                KeyTouch::Repeated => return Ok(EventOutcome::Decided(Decision::Repeat)),
                KeyTouch::Row(known) => known.map(|row| *row),
            };
            let decision = decide(known.as_ref(), arrival);
            let known = known.as_ref();
            let row = KeyRow::after(known, arrival, known.and_then(|row| row.alert));
            let commit = || Commit::new().key(received.org, received.source, hash, known, &row, now);
            match (decision, known) {
                (Decision::Stale, _) => {}
                (Decision::Tombstone, known) => {
                    store.commit(commit()).await?;
                    if known.is_none_or(|known| known.alert.is_none()) {
                        seen::unmatched_end(store, received).await;
                    }
                }
                (Decision::Repeat, _) => store.commit(commit()).await?,
                (Decision::HoldFlapping(alert), Some(known)) => {
                    if !flap::hold(store, received, (alert, known), now).await? {
                        resolve(store, received, alert, commit(), by, now).await?;
                    }
                }
                (Decision::Resolve(alert) | Decision::HoldFlapping(alert), _) => {
                    resolve(store, received, alert, commit(), by, now).await?;
                }
                (Decision::EndOvertaken(alert), Some(known)) => {
                    record_overtaken_end(store, rules, received, (alert, known), by, now).await?;
                }
                (Decision::EndOvertaken(_), None) => {}
                (Decision::ResolvedLater(alert), _) => {
                    record_later_end(store, received, alert, commit()).await?
                }
                (Decision::Update, _) => {
                    let earlier = known.is_some_and(|known| known.began_earlier(arrival));
                    let commit = match row.alert {
                        Some(alert) if earlier => commit().began_earlier(received.org, alert, arrival.at),
                        Some(_) | None => commit(),
                    };
                    refresh(store, rules, (received, problems), row.alert, commit, now).await?;
                }
                (Decision::Open | Decision::OpenResolved, known) => {
                    return self.begin(summary, decision, known).await;
                }
            }
            Ok(EventOutcome::Decided(decision))
        })
        .await
    }

    /// Opens an alert, unless the source's intake rules prevent it.
    async fn begin(
        &self,
        summary: Option<&SummaryEvent>,
        decision: Decision,
        known: Option<&KeyRow>,
    ) -> Result<EventOutcome, AppError> {
        let EventHandler { store, received, arrival, trace, by, now, .. } = *self;
        let rules = &self.rules.of(received.org).await?;
        let over = decision == Decision::OpenResolved;
        let intake = match summary {
            Some(summary) => {
                IntakeDecision::Open { problems: Vec::new(), window: None, expiry: Some(summary.expiry) }
            }
            // An alert that a person triggers again passes every intake rule and does not expire.
            None if received.asked_by.is_some() => {
                IntakeDecision::Open { problems: self.problems.to_vec(), window: None, expiry: None }
            }
            None => decide_intake(store, rules, (received, self.problems), over).await?,
        };
        let (problems, window, expiry) = match intake {
            IntakeDecision::Open { problems, window, expiry } => (problems, window, expiry),
            IntakeDecision::Held => return Ok(EventOutcome::Held),
            IntakeDecision::Summarise(summary) => return Ok(EventOutcome::Summarise(summary)),
        };
        let window = window.as_ref();
        let new_alert = NewAlert { store, rules, received, arrival, window, expiry, trace, known, by, now };
        match known {
            Some(tombstone) if over => new_alert.open_over(tombstone).await?,
            _ => {
                let own;
                let template = match summary {
                    Some(summary) => &summary.template,
                    None => {
                        own = render::template_of(rules, received.source).await?;
                        &own
                    }
                };
                new_alert.open(open::route(rules, template, (received, &problems)).await?).await?;
            }
        }
        Ok(EventOutcome::Decided(decision))
    }
}

/// Resolves an alert: writes the key's row and the alert's transition in one commit.
pub(super) async fn resolve(
    store: &Store,
    received: &ReceivedEvent,
    alert: AlertId,
    commit: Commit,
    by: &Identity,
    now: Timestamp,
) -> Result<(), AppError> {
    let alert = store.alert(received.org, alert).await?;
    let commit = match alert.map(|alert| alert.end(received.at(), now)) {
        Some(Ok(end)) => {
            let end = end.because(by.to_string(), "resolved by its source");
            commit.alert_over(end.after()).transition(end)
        }
        Some(Err(illegal)) => {
            // Somebody resolved the alert by hand: only the key is updated.
            store.illegal(&illegal);
            commit
        }
        None => commit,
    };
    Ok(store.commit(commit).await?)
}

/// Records a later end of a resolved alert.
pub(super) async fn record_later_end(
    store: &Store,
    received: &ReceivedEvent,
    alert: AlertId,
    commit: Commit,
) -> Result<(), AppError> {
    let alert = store.alert(received.org, alert).await?;
    let earlier = alert.filter(|alert| alert.resolved_at.is_some_and(|known| known < received.at()));
    let commit = match earlier {
        Some(alert) => commit.ended_later(&alert, received.at()),
        None => commit,
    };
    Ok(store.commit(commit).await?)
}

/// Records a resolution that arrived after the next firing. That firing was taken for a repeat, so people who
/// acknowledged before the resolution are notified again, as for a new alert.
///
/// In a group nobody is notified again, because an alert that joins an acknowledged group notifies nobody either.
pub(super) async fn record_overtaken_end(
    store: &Store,
    rules: &Rules,
    received: &ReceivedEvent,
    (alert, known): (AlertId, &KeyRow),
    by: &Identity,
    now: Timestamp,
) -> Result<(), AppError> {
    let (org, arrival) = (received.org, received.arrival());
    let row = known.with_end(arrival.at);
    let mut commit = Commit::new().key(org, received.source, &received.key(), Some(known), &row, now);
    let alert = store.alert(org, alert).await?;
    let alone = |alert: &Alert| alert.head().state() == AlertState::Firing && alert.group.is_none();
    if let Some(alert) = alert.filter(alone) {
        for escalation in acknowledged_escalations(store, rules, &alert, now).await? {
            let (levels, staff) = rules.of(org).await?.levels(&escalation.plan).await?;
            let (next, notifications) = escalation.restart(&levels, &staff, by, now)?;
            // At least one of them always fits.
            if commit.len() + 2 + notifications.len() <= MOST_ACTIONS {
                let next = next.because(by.to_string(), FIRES_AGAIN);
                commit = commit.transition(next).transitions(notifications);
            }
        }
    }
    Ok(store.commit(commit).await?)
}

/// The acknowledged escalations of an alert. If all its escalations have ended, they are started again first.
async fn acknowledged_escalations(
    store: &Store,
    rules: &Rules,
    alert: &Alert,
    now: Timestamp,
) -> Result<Vec<Escalation>, AppError> {
    ensure_covered(store, rules, alert.org, (alert.id, RestartCause::AlertJoined), now).await?;
    let mut acked = Vec::new();
    for &id in &alert.escalations {
        let escalation = store.escalation(alert.org, id).await?;
        acked.extend(escalation.filter(|escalation| escalation.head().state() == EscalationState::Acked));
    }
    Ok(acked)
}

/// Updates the body of a firing alert.
async fn refresh(
    store: &Store,
    rules: &Rules,
    (received, problems): (&ReceivedEvent, &[String]),
    alert: Option<AlertId>,
    commit: Commit,
    now: Timestamp,
) -> Result<(), AppError> {
    let Some(alert) = alert else { return Ok(store.commit(commit).await?) };
    let rules = rules.of(received.org).await?;
    let mut body = render::body_of(&rules, (received, problems)).await?;
    keep_attributes(store, &rules, received, (alert, &mut body)).await?;
    store.put_text(received.org, alert, &body, received.event.payload.get(), now).await?;
    Ok(store.commit(commit.body(received.org, alert, &body)).await?)
}

/// Merges the attributes of a repeated alert with the earlier values, as its source is configured. The earlier values
/// are read only if that needs them.
async fn keep_attributes(
    store: &Store,
    rules: &Snapshot,
    received: &ReceivedEvent,
    (alert, body): (AlertId, &mut Body),
) -> Result<(), AppError> {
    let template = render::template_of(rules, received.source).await?;
    let Some(template) = template.template() else { return Ok(()) };
    if !template.attributes.iter().any(|bound| bound.merge.is_some_and(Merge::looks_back)) {
        return Ok(());
    }
    let Some(before) = readable(store.alert_body(received.org, alert).await)? else { return Ok(()) };
    let new = std::mem::take(&mut body.attributes);
    let (attributes, problems) = merged(&template.attributes, &before.attributes, new);
    body.attributes = attributes;
    body.problems.extend(problems.into_iter().map(|Problem(problem)| problem));
    Ok(())
}
