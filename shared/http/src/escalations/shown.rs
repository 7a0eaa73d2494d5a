//! An escalation with what happened to it.

use std::collections::{BTreeMap, BTreeSet};

use domain::escalation::{Escalation, EscalationState, PathRef};
use domain::id::{HistoryId, UserId};
use domain::notification::{Notification, NotificationState};
use domain::text::shorten;
use domain::{Identity, Timestamp};
use futures_util::future::join_all;
use machine::{State as _, Stateful};
use serde_json::{Value, json};
use store::{History, Store};

use crate::api::{Answer, Desk};
use crate::auth::Caller;
use crate::incidents::{creator, person};
use crate::{alerts, incidents};

/// An escalation, in full.
pub(super) async fn shown(desk: &Desk, caller: &Caller, escalation: &Escalation) -> Answer<Value> {
    let store = &desk.ctx.store;
    let (org, id) = (escalation.org, escalation.id);
    let (history, pages) = store.escalation_story(org, id).await?;
    let alert = match escalation.alert {
        Some(alert) => store.alert(org, alert).await?.zip(store.alert_body(org, alert).await?),
        None => None,
    };
    let incident = match escalation.incident {
        Some(incident) => store.incident(org, incident).await?,
        None => None,
    };
    let priority = alert.as_ref().and_then(|(_, body)| body.priority.clone());
    let mut shown = json!({
        "id": id,
        "title": escalation.title,
        "description": escalation.description.clone().unwrap_or_default(),
        "status": escalation.head().state().name(),
        "priority": { "name": priority.unwrap_or_else(|| "Default".to_owned()) },
        "creator": creator(store, caller, org, &escalation.creator, escalation.alert).await?,
        "events": events(store, escalation, &history, &pages).await?,
        "related_alerts": alert.iter().map(|(alert, body)| alerts::slim(alert, body)).collect::<Vec<_>>(),
        "related_incidents": incident.iter().map(incidents::slim).collect::<Vec<_>>(),
        "created_at": escalation.created_at,
        "updated_at": escalation.updated_at,
    });
    if let PathRef::Path { id, .. } = escalation.plan {
        shown["escalation_path_id"] = json!(id);
    }
    Ok(shown)
}

/// Something that happened to an escalation.
struct Happened<'a> {
    at: Timestamp,
    event: &'static str,
    cause: String,
    why: &'a str,
    urgency: Option<&'static str>,
    user: Option<UserId>,
}

impl<'a> Happened<'a> {
    /// A row of the escalation's own history.
    fn step(row: &'a History) -> Option<Self> {
        let event = match EscalationState::named(&row.to)? {
            EscalationState::Pending => "entered_grace_period",
            EscalationState::Triggered => "triggered",
            EscalationState::Acked => "acked",
            EscalationState::Resolved => "resolved",
            EscalationState::Expired => "expired",
            EscalationState::Cancelled => "cancelled",
        };
        let user = row.by.parse::<Identity>().ok().and_then(|by| by.user());
        let cause = format!("step {}", row.version);
        Some(Self { at: row.at, event, cause, why: &row.why, urgency: None, user })
    }

    /// A page that somebody was sent.
    fn page(page: &'a Notification) -> Option<Self> {
        let delivered = page.log.iter().rfind(|entry| entry.to == NotificationState::Delivered.name())?;
        Some(Self {
            at: delivered.at,
            event: "notified_users",
            cause: format!("page {}", page.id),
            why: &delivered.why,
            urgency: Some(page.urgency.name()),
            user: Some(page.user),
        })
    }
}

/// What happened, in order: the steps of the escalation, and the pages that were sent.
async fn events(
    store: &Store,
    escalation: &Escalation,
    history: &[History],
    pages: &[Notification],
) -> Answer<Vec<Value>> {
    let steps = history.iter().filter_map(Happened::step);
    let mut happened: Vec<_> = steps.chain(pages.iter().filter_map(Happened::page)).collect();
    happened.sort_by_key(|one| one.at);
    let users: BTreeSet<UserId> = happened.iter().filter_map(|one| one.user).collect();
    let people =
        users.iter().map(|id| async { person(store, escalation.org, *id).await.map(|user| (*id, user)) });
    let people: BTreeMap<UserId, Value> = join_all(people).await.into_iter().collect::<Answer<_>>()?;
    let shown = happened.iter().map(|one| {
        let mut event = json!({
            "id": HistoryId::derived(one.at, format_args!("{} {}", escalation.id, one.cause)),
            "event": one.event,
            "occurred_at": one.at,
            "description": shorten(one.why, 200),
        });
        if let Some(urgency) = one.urgency {
            event["urgency"] = json!(urgency);
        }
        if let Some(user) = one.user.and_then(|user| people.get(&user)) {
            event["users"] = json!([user]);
        }
        event
    });
    Ok(shown.collect())
}
