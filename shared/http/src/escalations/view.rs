//! An escalation with its events.

use std::collections::{BTreeMap, BTreeSet};

use domain::escalation::{Escalation, EscalationState, PathRef};
use domain::id::{EscalationId, HistoryId, PathId, UserId};
use domain::notification::{Notification, NotificationState};
use domain::text::shorten;
use domain::{Identity, Timestamp};
use futures_util::future::join_all;
use machine::{State as _, Stateful};
use schemars::JsonSchema;
use serde::Serialize;
use store::{History, Store};

use crate::actor::{ActorView, UserView};
use crate::api::{ApiResult, ApiState};
use crate::auth::Caller;
use crate::schema::{Id, Time, state_names};
use crate::slim::{AlertSlimView, IncidentSlimView};

/// An escalation.
#[derive(Serialize, JsonSchema)]
pub(super) struct EscalationView {
    /// The id.
    id: Id<EscalationId>,
    /// The title.
    title: String,
    /// The description. It is empty if the escalation has none.
    description: String,
    /// The state.
    #[schemars(extend("enum" = state_names::<EscalationState>()))]
    status: &'static str,
    /// The priority of the alert.
    priority: PriorityView,
    /// Who started the escalation.
    creator: ActorView,
    /// What happened, in order.
    events: Vec<EscalationEventView>,
    /// The alert for which the escalation is.
    related_alerts: Vec<AlertSlimView>,
    /// The incident for which the escalation is.
    related_incidents: Vec<IncidentSlimView>,
    /// The escalation path. Absent if the escalation notifies people directly.
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation_path_id: Option<Id<PathId>>,
    /// When the escalation was created.
    created_at: Time,
    /// When the escalation was last updated.
    updated_at: Time,
}

/// The name of the event that leads to a state.
fn event_name(state: EscalationState) -> &'static str {
    if state == EscalationState::Pending { "entered_grace_period" } else { state.name() }
}

/// The name of the event of a delivered notification.
const NOTIFIED: &str = "notified_users";

/// The names of all events.
fn event_names() -> Vec<&'static str> {
    EscalationState::ALL.iter().map(|state| event_name(*state)).chain([NOTIFIED]).collect()
}

/// A priority.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct PriorityView {
    name: String,
}

/// Something that happened to an escalation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EscalationEvent")]
struct EscalationEventView {
    /// The id.
    id: Id<HistoryId>,
    /// What happened.
    #[schemars(extend("enum" = event_names()))]
    event: &'static str,
    /// When it happened.
    occurred_at: Time,
    /// Why it happened.
    description: String,
    /// The urgency of a notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["high", "low"]))]
    urgency: Option<&'static str>,
    /// The person who was notified, or who acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Vec<UserView>>,
}

impl EscalationView {
    /// The view of an escalation.
    pub(super) async fn load(api: &ApiState, caller: &Caller, escalation: &Escalation) -> ApiResult<Self> {
        let store = &api.ctx.store;
        let (org, id) = (escalation.org, escalation.id);
        let (history, notifications) = store.escalation_story(org, id).await?;
        let alert = match escalation.alert {
            Some(alert) => store.alert(org, alert).await?.zip(store.alert_body(org, alert).await?),
            None => None,
        };
        let incident = match escalation.incident {
            Some(incident) => store.incident(org, incident).await?,
            None => None,
        };
        let priority = alert.as_ref().and_then(|(_, body)| body.priority.clone());
        Ok(Self {
            id: Id(id),
            title: escalation.title.clone(),
            description: escalation.description.clone().unwrap_or_default(),
            status: escalation.head().state().name(),
            priority: PriorityView { name: priority.unwrap_or_else(|| "Default".to_owned()) },
            creator: ActorView::load(store, caller, &escalation.creator, escalation.alert).await?,
            events: events(store, escalation, &history, &notifications).await?,
            related_alerts: alert.iter().map(|(alert, body)| AlertSlimView::new(alert, body)).collect(),
            related_incidents: incident.iter().map(IncidentSlimView::from).collect(),
            escalation_path_id: match escalation.plan {
                PathRef::Path { id, .. } => Some(Id(id)),
                PathRef::Users(_) | PathRef::Fallback => None,
            },
            created_at: Time(escalation.created_at),
            updated_at: Time(escalation.updated_at),
        })
    }
}

/// Something that happened to an escalation, before the person is read.
struct EscalationEvent<'a> {
    at: Timestamp,
    event: &'static str,
    /// What makes the id of the event.
    cause: String,
    why: &'a str,
    urgency: Option<&'static str>,
    user: Option<UserId>,
}

impl<'a> EscalationEvent<'a> {
    /// The event of a row of the escalation's history; `None` if the state of the row is unknown.
    fn of_history(row: &'a History) -> Option<Self> {
        let event = event_name(EscalationState::named(&row.to)?);
        let user = row.by.parse::<Identity>().ok().and_then(|by| by.user());
        let cause = format!("step {}", row.version);
        Some(Self { at: row.at, event, cause, why: &row.why, urgency: None, user })
    }

    /// The event of a notification; `None` if it was not delivered.
    fn of_notification(notification: &'a Notification) -> Option<Self> {
        let delivered = notification
            .attempts
            .log
            .iter()
            .rfind(|entry| entry.to == NotificationState::Delivered.name())?;
        Some(Self {
            at: delivered.at,
            event: "notified_users",
            // The word is part of ids that clients have.
            cause: format!("page {}", notification.id),
            why: &delivered.why,
            urgency: Some(notification.urgency.name()),
            user: Some(notification.user),
        })
    }
}

/// The events of an escalation, in order: the steps of its history, and the notifications that were delivered.
async fn events(
    store: &Store,
    escalation: &Escalation,
    history: &[History],
    notifications: &[Notification],
) -> ApiResult<Vec<EscalationEventView>> {
    let steps = history.iter().filter_map(EscalationEvent::of_history);
    let mut events: Vec<_> =
        steps.chain(notifications.iter().filter_map(EscalationEvent::of_notification)).collect();
    events.sort_by_key(|event| event.at);
    let users: BTreeSet<UserId> = events.iter().filter_map(|event| event.user).collect();
    let people = users
        .iter()
        .map(|id| async { UserView::load(store, escalation.org, *id).await.map(|user| (*id, user)) });
    let people: BTreeMap<UserId, UserView> = join_all(people).await.into_iter().collect::<ApiResult<_>>()?;
    let view = |event: &EscalationEvent<'_>| EscalationEventView {
        id: Id(HistoryId::derived(event.at, format_args!("{} {}", escalation.id, event.cause))),
        event: event.event,
        occurred_at: Time(event.at),
        description: shorten(event.why, 200),
        urgency: event.urgency,
        users: event.user.and_then(|user| people.get(&user)).map(|user| vec![user.clone()]),
    };
    Ok(events.iter().map(view).collect())
}
