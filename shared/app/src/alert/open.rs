//! Opens an alert: routes it, and writes the alert, its incident, its escalations and their notifications in one
//! commit.

use std::sync::Arc;

use domain::alert::expiry::Expiry;
use domain::alert::group::{Group, GroupRow};
use domain::alert::key::{EventFacts, KeyRow};
use domain::alert::{Alert, AlertState, Body, ReceivedEvent, Routing};
use domain::alert_route::{IncidentTemplate, Route, matching};
use domain::escalation::{NewEscalation, PathRef};
use domain::id::{AlertId, EscalationId, IncidentId, RouteId};
use domain::job::due::due_at;
use domain::source::{Priorities, RateWindow};
use domain::subscriber;
use domain::template::{Binding, Problem};
use domain::text::shorten;
use domain::trace::Trace;
use domain::{Identity, Timestamp};
use machine::{Head, Stateful};
use serde_json::Value;
use store::{Commit, Store, StoreError};

use crate::AppError;
use crate::escalation::begin::begin;
use crate::incident::create::{self, NewIncident};
use crate::rules::Snapshot;

use super::render::{RenderedAlert, SourceTemplate, body_by, body_of};

/// The most bytes of a problem that are kept: it may contain the name of a route, which has no limit.
const PROBLEM_BYTES: usize = 500;

/// The most escalations that one alert starts: the number that a transaction holds if none has room for its notifications.
const MOST_PLANS: usize = 80;

/// The actions after the escalations: the group, its member, the unrouted alert, and the alert.
const AFTER_PLANS: usize = 4;

/// The result of routing an alert.
pub(super) struct RoutingResult {
    /// Its content.
    pub(super) body: Body,
    /// The outcome: routed, unrouted or sent to the fallback contact.
    pub(super) routing: Routing,
    /// The routes that matched.
    pub(super) routes: Vec<RouteId>,
    /// The paths or people to escalate to, and whether each escalation ends with the alert.
    pub(super) plans: Vec<(PathRef, bool)>,
    /// The incident to open: its name and summary.
    pub(super) incident: Option<(String, Option<String>)>,
    /// The group that the alert belongs to.
    pub(super) group: Option<Group>,
}

/// Routes an alert with the current rules. An error in the rules is recorded on the alert and notifies somebody.
///
/// `noted` are problems that were found before.
pub(super) async fn route(
    rules: &Snapshot,
    template: &SourceTemplate,
    (received, problems): (&ReceivedEvent, &[String]),
) -> Result<RoutingResult, AppError> {
    let RenderedAlert { mut body, payload, missing } = body_by(rules, template, (received, problems)).await?;
    let received = &*Priorities::apply(template.priority(), received);
    let (routes, problems) = matching(&rules.routes, received.source, &received.event, &payload);
    body.problems.extend(problems.into_iter().map(|Problem(problem)| problem));

    if rules.unreadable > 0 {
        body.problems.push(format!("alert routes that could not be read: {}", rules.unreadable));
    }

    let mut plans: Vec<(PathRef, bool)> = Vec::new();
    let mut lost = false;
    for route in &routes {
        for plan in plans_of(rules, route, &mut body.problems, &mut lost).await? {
            if !plans.iter().any(|(known, _)| *known == plan) {
                plans.push((plan, route.auto_cancel));
            }
        }
    }
    let routing = match () {
        () if !routes.is_empty() => Routing::Routed,
        () if rules.unreadable > 0 => Routing::Fallback,
        () if rules.routes.iter().any(|route| route.serves(received.source)) => Routing::Unrouted,
        () => Routing::Fallback,
    };
    let too_many = plans.len() > MOST_PLANS;
    if too_many {
        body.problems
            .push(format!("the routes start {} escalations: only {MOST_PLANS} were started", plans.len()));
        plans.truncate(MOST_PLANS);
    }
    if routing == Routing::Fallback || too_many || lost && plans.is_empty() {
        plans.push((PathRef::Fallback, true));
    }
    let template = routes.iter().find_map(|route| route.incident.as_ref());
    let incident = template.map(|template| incident_of(template, received, &payload, &mut body));
    let group = Group::of(&routes, &plans, received, &payload).unwrap_or_else(|Problem(problem)| {
        body.problems.push(format!("the alert was not grouped: {problem}"));
        None
    });
    for problem in &mut body.problems {
        *problem = shorten(problem, PROBLEM_BYTES);
    }
    // An alert with problems is not grouped, so that the people who maintain the rules are notified of each one.
    let group = group.filter(|_| body.problems.is_empty());
    body.problems.extend(missing);
    let routes = routes.iter().map(|route| route.id).collect();
    Ok(RoutingResult { body, routing, routes, plans, incident, group })
}

/// The paths and people of a route. A path that no longer exists is recorded as a problem.
async fn plans_of(
    rules: &Snapshot,
    route: &Route,
    problems: &mut Vec<String>,
    lost: &mut bool,
) -> Result<Vec<PathRef>, AppError> {
    let mut plans = Vec::new();
    for &id in &route.paths {
        match rules.path(id, None).await {
            Ok(Some(path)) => plans.push(PathRef::Path { id, version: path.version }),
            Ok(None) | Err(StoreError::Item { .. }) => {
                problems.push(format!("route `{}`: the escalation path `{id}` no longer exists", route.name));
                *lost = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !route.users.is_empty() {
        plans.push(PathRef::Users(route.users.clone()));
    }
    Ok(plans)
}

/// The incident's name and summary.
fn incident_of(
    template: &IncidentTemplate,
    received: &ReceivedEvent,
    payload: &Value,
    body: &mut Body,
) -> (String, Option<String>) {
    let mut text = |binding: &Binding| {
        binding.resolve(&received.event, payload).unwrap_or_else(|Problem(problem)| {
            body.problems.push(problem);
            None
        })
    };
    let name = text(&template.name);
    let summary = template.summary.as_ref().and_then(text);
    (name.unwrap_or_else(|| body.title.clone()), summary)
}

/// A new alert that is about to be opened, with everything that this needs.
pub(super) struct NewAlert<'a> {
    pub(super) store: &'a Store,
    pub(super) rules: &'a Arc<Snapshot>,
    pub(super) received: &'a ReceivedEvent,
    /// The facts that decide about the deduplication key.
    pub(super) arrival: &'a EventFacts,
    /// The minute in which the alert counts, if its source has a rate limit.
    pub(super) window: Option<&'a RateWindow>,
    /// When the alert expires, if it expires.
    pub(super) expiry: Option<Expiry>,
    pub(super) trace: &'a Trace,
    pub(super) known: Option<&'a KeyRow>,
    pub(super) by: &'a Identity,
    pub(super) now: Timestamp,
}

impl NewAlert<'_> {
    /// The alert's id, derived from the event so that the same event does not open a second alert.
    pub(super) fn alert_id(&self) -> AlertId {
        AlertId::derived(self.received.received_at, self.received.id)
    }

    /// The reason in the alert's history.
    const fn why(&self) -> &'static str {
        if self.received.asked_by.is_some() { "triggered again by hand" } else { "fired" }
    }

    /// The alert before its first transition.
    fn alert(&self, routed: &RoutingResult, routing: Routing) -> Alert {
        Alert {
            head: Head::stored(AlertState::Firing, 0),
            org: self.received.org,
            id: self.alert_id(),
            source: self.received.source,
            kind: self.received.kind.clone(),
            title: shorten(&routed.body.title, domain::alert::TITLE_BYTES),
            key: self.received.key(),
            created_at: self.received.received_at,
            started_at: self.received.at(),
            resolved_at: None,
            incident: None,
            escalations: Vec::new(),
            tags: Vec::new(),
            notes: 0,
            group: None,
            routing,
            due: None,
            trace: self.trace.clone(),
        }
    }

    /// A commit that counts the alert for the rate limit and stores its expiry.
    fn counted(&self) -> Commit {
        let place = (self.received.org, self.received.source);
        let commit = self.window.map_or_else(Commit::new, |window| Commit::new().window(place, window));
        match &self.expiry {
            Some(expiry) => commit.expiry(self.received.org, self.alert_id(), expiry),
            None => commit,
        }
    }

    /// Opens the alert: it joins its group, or starts its own escalations.
    pub(super) async fn open(&self, routed: RoutingResult) -> Result<(), AppError> {
        let Some(group) = routed.group.clone() else { return self.open_first(routed, None).await };
        let row = self.store.group(self.received.org, &group.hash).await?;
        match row {
            Some(row) if row.takes(self.received.received_at) && self.answers(&row).await? => {
                self.join(routed, &group, &row).await
            }
            row => self.open_first(routed, Some((&group, row))).await,
        }
    }

    /// Says whether alerts may still join a group: its incident is open, and somebody is being notified or has
    /// acknowledged.
    async fn answers(&self, row: &GroupRow) -> Result<bool, AppError> {
        let org = self.received.org;
        if let Some(id) = row.incident {
            let incident = self.store.incident(org, id).await?;
            if incident.is_none_or(|incident| !incident.head().state().is_open()) {
                return Ok(false);
            }
        }
        crate::escalation::reconcile::are_covering(self.store, org, &row.escalations).await
    }

    /// Opens the alert in an existing group: it belongs to the group's incident and starts no escalation.
    async fn join(&self, routed: RoutingResult, group: &Group, row: &GroupRow) -> Result<(), AppError> {
        let (org, received, now) = (self.received.org, self.received, self.now);
        let mut alert = self.alert(&routed, routed.routing);
        alert.incident = row.incident;
        alert.escalations = row.escalations.clone();
        alert.group = Some(row.first);
        let text = (&routed.body, received.event.payload.get());
        self.store.put_text_and_incident(org, alert.id, text, alert.incident, now).await?;
        let known = KeyRow::after(self.known, self.arrival, Some(alert.id));
        let commit = self
            .counted()
            .key(org, received.source, &alert.key, self.known, &known, now)
            .member(org, row.first, alert.id);
        let joined =
            alert.born(AlertState::Firing, now)?.because(self.by.to_string(), "fired and joined a group");
        // The escalations may end just now: then they have to begin again.
        self.store.commit(commit.transition(due_at(joined, now))).await?;
        if let Some(until) = row.moved_on(received.received_at, group.window) {
            self.store.move_group_on(org, &group.hash, row, until).await?;
        }
        Ok(())
    }

    /// Opens the alert in one commit with its incident, its escalations and their first notifications, and with its
    /// group if it is the first alert of one.
    async fn open_first(
        &self,
        routed: RoutingResult,
        group: Option<(&Group, Option<GroupRow>)>,
    ) -> Result<(), AppError> {
        let (org, received, now) = (self.received.org, self.received, self.now);
        let mut alert = self.alert(&routed, routed.routing);
        alert.group = group.as_ref().map(|_| alert.id);
        let row = KeyRow::after(self.known, self.arrival, Some(alert.id));
        let mut commit = self.counted().key(org, received.source, &alert.key, self.known, &row, now);
        let mut number = None;
        if let Some((name, summary)) = routed.incident {
            let new = NewIncident {
                org,
                id: IncidentId::derived(received.received_at, received.id),
                name,
                summary,
                visibility: domain::incident::Visibility::Public,
                triage: false,
                alert: Some(alert.id),
                trace: self.trace.clone(),
            };
            let followers = subscriber::followers(&self.rules.org);
            let opened = create::prepare(self.store, self.by, new, followers, now).await?;
            alert.incident = Some(opened.after().id);
            number = Some((opened.after().number, opened.after().id));
            commit = commit.transition(opened);
        }
        let text = (&routed.body, received.event.payload.get());
        self.store.put_text_and_number(org, alert.id, text, number, now).await?;
        let plans = routed.plans.len();
        for (n, (plan, auto_cancel)) in routed.plans.into_iter().enumerate() {
            let (levels, staff) = self.rules.levels(&plan).await?;
            let new = NewEscalation {
                org,
                id: EscalationId::derived(received.received_at, format_args!("{} {n}", received.id)),
                title: routed.body.title.clone(),
                url: routed.body.source_url.clone(),
                plan,
                alert: Some(alert.id),
                group: alert.group,
                incident: alert.incident,
                followers: subscriber::followers(&self.rules.org),
                auto_cancel,
                creator: self.by.clone(),
                trace: self.trace.clone(),
            };
            alert.escalations.push(new.id);
            let more = plans - alert.escalations.len() + AFTER_PLANS;
            commit = begin(commit, new, (&levels, &staff), more, now)?;
        }
        if let Some((group, known)) = group {
            let row = GroupRow {
                version: known.as_ref().map_or(1, |row| row.version + 1),
                first: alert.id,
                incident: alert.incident,
                escalations: alert.escalations.clone(),
                until: received.received_at.saturating_add(group.window).unwrap_or(now),
            };
            commit = commit.group(org, &group.hash, known.as_ref(), &row).member(org, alert.id, alert.id);
        }
        if alert.routing == Routing::Unrouted {
            commit = commit.unrouted(org, alert.id, &alert.title, now);
        }
        let opened = alert.born(AlertState::Firing, now)?.because(self.by.to_string(), self.why());
        self.store.commit(commit.transition(opened)).await?;
        Ok(())
    }

    /// Stores an alert that was resolved before its firing arrived; it starts no escalation.
    pub(super) async fn open_over(&self, tombstone: &KeyRow) -> Result<(), AppError> {
        let (org, received, now) = (self.received.org, self.received, self.now);
        let body = body_of(self.rules, (received, &[])).await?;
        let routed = RoutingResult {
            body,
            routing: Routing::Over,
            routes: Vec::new(),
            plans: Vec::new(),
            incident: None,
            group: None,
        };
        let mut alert = self.alert(&routed, Routing::Over);
        alert.resolved_at = Some(tombstone.at);
        self.store.put_text(org, alert.id, &routed.body, received.event.payload.get(), now).await?;
        let row = KeyRow { alert: Some(alert.id), version: tombstone.version + 1, ..tombstone.clone() };
        let commit = Commit::new().key(org, received.source, &alert.key, Some(tombstone), &row, now);
        let over = alert
            .born(AlertState::Resolved, now)?
            .because(self.by.to_string(), "resolved before its firing arrived");
        self.store.commit(commit.transition(over)).await?;
        Ok(())
    }
}
