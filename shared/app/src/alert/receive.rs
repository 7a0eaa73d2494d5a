//! Handles one event of an alert: a duplicate, a new episode, new words, or the end.

use domain::alert::attribute::{Merge, merged};
use domain::alert::key::{Decision, EventFacts, KeyRow, decide};
use domain::alert::{Alert, AlertState, Body, ReceivedEvent};
use domain::escalation::{Escalation, EscalationState};
use domain::id::AlertId;
use domain::template::Problem;
use domain::trace::Trace;
use domain::{Identity, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{Commit, Store, Touched};
use tracing::instrument;

use super::custom::{self, Arrived};
use super::flap;
use super::intake::{Fate, Standing, fate};
use super::open::{self, Case};
use super::read;
use crate::escalation::begin::MOST_ACTIONS;
use crate::escalation::settle::{Look, answer_for};
use crate::rules::{Snapshot, readable};
use crate::{AppError, Rules};

/// Why an escalation begins again for the next episode of its alert, whose end was overtaken.
pub const FIRES_AGAIN: &str = "resolved and firing again";

/// Handles one event, and says what was decided; nothing, if its source keeps it from becoming an alert. A repeated one
/// changes nothing.
///
/// # Errors
/// [`AppError`] if the event is not handled and must come again.
#[instrument(skip_all, fields(event.id = %received.id, alert_source.id = %received.source), err)]
pub async fn receive(
    store: &Store,
    rules: &Rules,
    received: &ReceivedEvent,
    trace: &Trace,
    now: Timestamp,
) -> Result<Option<Decision>, AppError> {
    let Arrived { received, noted } = custom::arrived(rules, received).await?;
    let by = received.by();
    let (received, arrival) = (&*received, received.arrival());
    let told = Told { store, rules, received, noted: &noted, arrival: &arrival, trace, by: &by, now };
    match told.handle(None).await? {
        Handled::As(decision) => Ok(Some(decision)),
        Handled::Held => Ok(None),
        Handled::StoodFor(standing) => {
            let Standing { received, arrival, .. } = &*standing;
            Told { received, arrival, noted: &[], ..told }.handle(Some(&standing)).await?;
            Ok(None)
        }
    }
}

/// What a source tells, and what is needed to handle it.
struct Told<'a> {
    store: &'a Store,
    rules: &'a Rules,
    received: &'a ReceivedEvent,
    noted: &'a [String],
    arrival: &'a EventFacts,
    trace: &'a Trace,
    by: &'a Identity,
    now: Timestamp,
}

/// What came of it.
enum Handled {
    /// What was decided is done.
    As(Decision),
    /// Nothing, as its source wants.
    Held,
    /// Nothing, and another event is to be handled for it.
    StoodFor(Box<Standing>),
}

impl Told<'_> {
    /// Handles it. What stands for others has its own template, and is held back by nothing.
    async fn handle(&self, stands: Option<&Standing>) -> Result<Handled, AppError> {
        let Told { store, rules, received, noted, arrival, by, now, .. } = *self;
        let hash = &received.key();
        retry_conflicts(|| async move {
            let known = match store.touch_key(received.org, received.source, hash, arrival).await? {
                Touched::Counted => return Ok(Handled::As(Decision::Repeat)),
                Touched::Known(known) => known.map(|row| *row),
            };
            let decision = decide(known.as_ref(), arrival);
            let known = known.as_ref();
            let row = KeyRow::after(known, arrival, known.and_then(|row| row.alert));
            let commit = || Commit::new().key(received.org, received.source, hash, known, &row, now);
            match (decision, known) {
                (Decision::Stale, _) => {}
                (Decision::Tombstone | Decision::Repeat, _) => store.commit(commit()).await?,
                (Decision::HoldFlapping(alert), Some(known)) => {
                    if !flap::hold(store, received, (alert, known), now).await? {
                        resolve(store, received, alert, commit(), by, now).await?;
                    }
                }
                (Decision::Resolve(alert) | Decision::HoldFlapping(alert), _) => {
                    resolve(store, received, alert, commit(), by, now).await?;
                }
                (Decision::EndOvertaken(alert), Some(known)) => {
                    between(store, rules, received, (alert, known), by, now).await?;
                }
                (Decision::EndOvertaken(_), None) => {}
                (Decision::ResolvedLater(alert), _) => prolong(store, received, alert, commit()).await?,
                (Decision::Update, _) => {
                    let earlier = known.is_some_and(|known| known.began_earlier(arrival));
                    let commit = match row.alert {
                        Some(alert) if earlier => commit().began_earlier(received.org, alert, arrival.at),
                        Some(_) | None => commit(),
                    };
                    refresh(store, rules, (received, noted), row.alert, commit, now).await?;
                }
                (Decision::Open | Decision::OpenResolved, known) => {
                    return self.begin(stands, decision, known).await;
                }
            }
            Ok(Handled::As(decision))
        })
        .await
    }

    /// Begins an alert, unless its source keeps it from that.
    async fn begin(
        &self,
        stands: Option<&Standing>,
        decision: Decision,
        known: Option<&KeyRow>,
    ) -> Result<Handled, AppError> {
        let Told { store, received, arrival, trace, by, now, .. } = *self;
        let rules = &self.rules.of(received.org).await?;
        let over = decision == Decision::OpenResolved;
        let fate = match stands {
            Some(standing) => Fate::Begins { noted: Vec::new(), window: None, lapse: Some(standing.lapse) },
            // Whoever had it fire again wants it whatever its source keeps away, and until somebody says that it is over.
            None if received.asked_by.is_some() => {
                Fate::Begins { noted: self.noted.to_vec(), window: None, lapse: None }
            }
            None => fate(store, rules, (received, self.noted), over).await?,
        };
        let (noted, window, lapse) = match fate {
            Fate::Begins { noted, window, lapse } => (noted, window, lapse),
            Fate::Held => return Ok(Handled::Held),
            Fate::StoodFor(standing) => return Ok(Handled::StoodFor(standing)),
        };
        let window = window.as_ref();
        let case = Case { store, rules, received, arrival, window, lapse, trace, known, by, now };
        match known {
            Some(tombstone) if over => case.open_over(tombstone).await?,
            _ => {
                let own;
                let template = match stands {
                    Some(standing) => &standing.template,
                    None => {
                        own = read::template_of(rules, received.source).await?;
                        &own
                    }
                };
                case.open(open::decide_by(rules, template, (received, &noted)).await?).await?;
            }
        }
        Ok(Handled::As(decision))
    }
}

/// Ends an alert: the key's row and the alert's transition in one commit.
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
            // Somebody resolved it by hand; the key learns of it.
            store.illegal(&illegal);
            commit
        }
        None => commit,
    };
    Ok(store.commit(commit).await?)
}

/// Notes that an alert ended later than was known; it is over all the same.
pub(super) async fn prolong(
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

/// Notes an end that the next firing has overtaken: that one was taken for more of the same, so whoever acknowledged
/// before the end is paged again, as for a new alert.
///
/// In a group nobody is: what joins while somebody is on it pages nobody either.
pub(super) async fn between(
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
        for escalation in again(store, rules, &alert, now).await? {
            let (levels, staff) = rules.of(org).await?.levels(&escalation.plan).await?;
            let (next, notifications) = escalation.restart(&levels, &staff, by, now)?;
            // One of them has room for certain.
            if commit.len() + 2 + notifications.len() <= MOST_ACTIONS {
                let next = next.because(by.to_string(), FIRES_AGAIN);
                commit = commit.transition(next).transitions(notifications);
            }
        }
    }
    Ok(store.commit(commit).await?)
}

/// The escalations of an alert that somebody has acknowledged; where all have ended, they have begun again.
async fn again(
    store: &Store,
    rules: &Rules,
    alert: &Alert,
    now: Timestamp,
) -> Result<Vec<Escalation>, AppError> {
    answer_for(store, rules, alert.org, (alert.id, Look::Joined), now).await?;
    let mut acked = Vec::new();
    for &id in &alert.escalations {
        let escalation = store.escalation(alert.org, id).await?;
        acked.extend(escalation.filter(|escalation| escalation.head().state() == EscalationState::Acked));
    }
    Ok(acked)
}

/// Keeps the newest words of an alert that goes on.
async fn refresh(
    store: &Store,
    rules: &Rules,
    (received, noted): (&ReceivedEvent, &[String]),
    alert: Option<AlertId>,
    commit: Commit,
    now: Timestamp,
) -> Result<(), AppError> {
    let Some(alert) = alert else { return Ok(store.commit(commit).await?) };
    let rules = rules.of(received.org).await?;
    let mut body = read::body_of(&rules, (received, noted)).await?;
    keep_attributes(store, &rules, received, (alert, &mut body)).await?;
    store.put_text(received.org, alert, &body, received.event.payload.get(), now).await?;
    Ok(store.commit(commit.body(received.org, alert, &body)).await?)
}

/// Keeps of an alert's attributes what their source wants kept when it repeats. What was said before is read only then.
async fn keep_attributes(
    store: &Store,
    rules: &Snapshot,
    received: &ReceivedEvent,
    (alert, body): (AlertId, &mut Body),
) -> Result<(), AppError> {
    let template = read::template_of(rules, received.source).await?;
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
