//! Opens an alert: what the rules make of it, and the one commit that writes alert, incident, escalations and pages.

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

use super::read::{Found, Read, body_by, body_of};

/// How much is kept of each problem: it may name a route, whose name has no bound.
const PROBLEM_BYTES: usize = 500;

/// How many escalations one alert begins at most: what a transaction holds if none of them has room for its pages.
const MOST_PLANS: usize = 80;

/// The actions that follow the escalations: the group, its member, the alert that waits for a route, and the alert.
const AFTER_PLANS: usize = 4;

/// What the rules make of an alert.
pub(super) struct Opening {
    /// What it says.
    pub(super) body: Body,
    /// What became of its routing.
    pub(super) routing: Routing,
    /// The routes that take it.
    pub(super) routes: Vec<RouteId>,
    /// Whom it pages, and whether that ends with the alert.
    pub(super) plans: Vec<(PathRef, bool)>,
    /// The incident that it opens: name and summary.
    pub(super) incident: Option<(String, Option<String>)>,
    /// The group that it belongs in.
    pub(super) group: Option<Group>,
}

/// What the rules make of an alert whose source has such a template. An error of theirs is noted, and ends in a page.
///
/// What failed before it was looked at is noted with the rest.
pub(super) async fn decide_by(
    rules: &Snapshot,
    template: &Found,
    (received, noted): (&ReceivedEvent, &[String]),
) -> Result<Opening, AppError> {
    let Read { mut body, payload, missing } = body_by(rules, template, (received, noted)).await?;
    let received = &*Priorities::apply(template.priority(), received);
    let (routes, problems) = matching(&rules.routes, received.source, &received.event, &payload);
    body.problems.extend(problems.into_iter().map(|Problem(problem)| problem));

    if rules.unreadable > 0 {
        body.problems.push(format!("{} alert routes could not be read", rules.unreadable));
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
    // Whoever looks after the rules shall hear of every alert that they fail on.
    let group = group.filter(|_| body.problems.is_empty());
    body.problems.extend(missing);
    let routes = routes.iter().map(|route| route.id).collect();
    Ok(Opening { body, routing, routes, plans, incident, group })
}

/// The plans of a route; a path that is gone is noted and lost.
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

/// Everything that opening an alert needs to know.
pub(super) struct Case<'a> {
    pub(super) store: &'a Store,
    pub(super) rules: &'a Arc<Snapshot>,
    pub(super) received: &'a ReceivedEvent,
    /// What matters of it for its key.
    pub(super) arrival: &'a EventFacts,
    /// The minute that the alert is counted in, if that matters.
    pub(super) window: Option<&'a RateWindow>,
    /// How long the alert lasts, unless until it is resolved.
    pub(super) lapse: Option<Expiry>,
    pub(super) trace: &'a Trace,
    pub(super) known: Option<&'a KeyRow>,
    pub(super) by: &'a Identity,
    pub(super) now: Timestamp,
}

impl Case<'_> {
    /// The alert's id, derived from the event: the same event opens no second alert.
    pub(super) fn alert_id(&self) -> AlertId {
        AlertId::derived(self.received.received_at, self.received.id)
    }

    /// Why the alert is there.
    const fn why(&self) -> &'static str {
        if self.received.asked_by.is_some() { "triggered again by hand" } else { "fired" }
    }

    /// The alert before it is anything.
    fn alert(&self, opening: &Opening, routing: Routing) -> Alert {
        Alert {
            head: Head::stored(AlertState::Firing, 0),
            org: self.received.org,
            id: self.alert_id(),
            source: self.received.source,
            kind: self.received.kind.clone(),
            title: shorten(&opening.body.title, domain::alert::TITLE_BYTES),
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

    /// A commit that counts the alert, if its source has a limit, and says how long it lasts.
    fn counted(&self) -> Commit {
        let place = (self.received.org, self.received.source);
        let commit = self.window.map_or_else(Commit::new, |window| Commit::new().window(place, window));
        match &self.lapse {
            Some(lapse) => commit.lapse(self.received.org, self.alert_id(), lapse),
            None => commit,
        }
    }

    /// Opens the alert: it joins its group, or stands for itself.
    pub(super) async fn open(&self, opening: Opening) -> Result<(), AppError> {
        let Some(group) = opening.group.clone() else { return self.open_first(opening, None).await };
        let row = self.store.group(self.received.org, &group.hash).await?;
        match row {
            Some(row) if row.takes(self.received.received_at) && self.answers(&row).await? => {
                self.join(opening, &group, &row).await
            }
            row => self.open_first(opening, Some((&group, row))).await,
        }
    }

    /// Says whether a group still answers for whoever joins: its incident goes on, and so does somebody's page.
    async fn answers(&self, row: &GroupRow) -> Result<bool, AppError> {
        let org = self.received.org;
        if let Some(id) = row.incident {
            let incident = self.store.incident(org, id).await?;
            if incident.is_none_or(|incident| !incident.head().state().is_open()) {
                return Ok(false);
            }
        }
        crate::escalation::settle::answered(self.store, org, &row.escalations).await
    }

    /// Opens the alert as one of a group that is there: it has the group's incident, and pages nobody.
    async fn join(&self, opening: Opening, group: &Group, row: &GroupRow) -> Result<(), AppError> {
        let (org, received, now) = (self.received.org, self.received, self.now);
        let mut alert = self.alert(&opening, opening.routing);
        alert.incident = row.incident;
        alert.escalations = row.escalations.clone();
        alert.group = Some(row.first);
        let text = (&opening.body, received.event.payload.get());
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

    /// Opens the alert in one commit with its incident, its escalations and their first pages; and with its group, if
    /// it is the first there.
    async fn open_first(
        &self,
        opening: Opening,
        group: Option<(&Group, Option<GroupRow>)>,
    ) -> Result<(), AppError> {
        let (org, received, now) = (self.received.org, self.received, self.now);
        let mut alert = self.alert(&opening, opening.routing);
        alert.group = group.as_ref().map(|_| alert.id);
        let row = KeyRow::after(self.known, self.arrival, Some(alert.id));
        let mut commit = self.counted().key(org, received.source, &alert.key, self.known, &row, now);
        let mut number = None;
        if let Some((name, summary)) = opening.incident {
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
        let text = (&opening.body, received.event.payload.get());
        self.store.put_text_and_number(org, alert.id, text, number, now).await?;
        let plans = opening.plans.len();
        for (n, (plan, auto_cancel)) in opening.plans.into_iter().enumerate() {
            let (levels, staff) = self.rules.levels(&plan).await?;
            let new = NewEscalation {
                org,
                id: EscalationId::derived(received.received_at, format_args!("{} {n}", received.id)),
                title: opening.body.title.clone(),
                url: opening.body.source_url.clone(),
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

    /// Writes down an alert that was over before it came; it pages nobody.
    pub(super) async fn open_over(&self, tombstone: &KeyRow) -> Result<(), AppError> {
        let (org, received, now) = (self.received.org, self.received, self.now);
        let body = body_of(self.rules, (received, &[])).await?;
        let opening = Opening {
            body,
            routing: Routing::Over,
            routes: Vec::new(),
            plans: Vec::new(),
            incident: None,
            group: None,
        };
        let mut alert = self.alert(&opening, Routing::Over);
        alert.resolved_at = Some(tombstone.at);
        self.store.put_text(org, alert.id, &opening.body, received.event.payload.get(), now).await?;
        let row = KeyRow { alert: Some(alert.id), version: tombstone.version + 1, ..tombstone.clone() };
        let commit = Commit::new().key(org, received.source, &alert.key, Some(tombstone), &row, now);
        let over = alert
            .born(AlertState::Resolved, now)?
            .because(self.by.to_string(), "resolved before its firing arrived");
        self.store.commit(commit.transition(over)).await?;
        Ok(())
    }
}
