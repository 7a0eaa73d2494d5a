//! The page of an incident: its properties, its timeline, its alerts and escalations, and the forms.

mod declare;
mod edit;
mod slack;
mod timeline;

use std::sync::Arc;

use app::incident::timeline::{IncidentTimeline as Story, TimelineEscalation as Paging, timeline as story};
use app::slack::owed::owed;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use domain::access::Permission;
use domain::id::{SeverityId, StatusId};
use domain::incident::{Incident, IncidentState, Milestone};
use domain::slack::Step;
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};
use store::Choices;

use super::escalation::{self, tone};
use super::frame::{Frame, Section};
use super::list::QueryParams;
use super::path_param::PathParam;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::words::{self, untrusted};
use super::{WebState, alerts};

/// The routes of single incidents.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/incidents/new", Access::Needs(Permission::CreateIncidents), || get(declare::show)),
    Route::post("/incidents/new", Access::Needs(Permission::CreateIncidents), || post(declare::declare)),
    Route::get("/incidents/{number}", Access::SignedIn, || get(show)),
    Route::post("/incidents/{number}/update", Access::Needs(Permission::EditIncidents), || {
        post(edit::update)
    }),
    Route::post("/incidents/{number}/edit", Access::Needs(Permission::EditIncidents), || post(edit::edit)),
    Route::post("/incidents/{number}/roles", Access::Needs(Permission::EditIncidents), || post(edit::roles)),
];

/// The style of a state. The name of the status is always shown too, so that nobody depends on the colour.
const fn state_tone(state: IncidentState) -> &'static str {
    match state {
        IncidentState::Triage => "waiting",
        IncidentState::Active => "paging",
        IncidentState::PostIncident => "expired",
        IncidentState::Closed => "acked",
        IncidentState::Paused | IncidentState::Declined | IncidentState::Merged | IncidentState::Canceled => {
            "over"
        }
    }
}

/// The status as a badge.
pub(super) fn state_badge(choices: &Choices, state: IncidentState, status: StatusId) -> Markup {
    html! { span.badge.(state_tone(state)) { (untrusted(status_name(choices, status))) } }
}

/// The severity as a badge. A higher severity has more bars.
pub(super) fn severity_badge(choices: &Choices, id: SeverityId) -> Markup {
    let all = choices.severities.len();
    let at = choices.severities.iter().position(|severity| severity.id == id);
    let bars = at.map_or(0, |at| 1 + at * 2 / all.saturating_sub(1).max(1));
    html! {
        span.badge.severity {
            span.bars.{ "bars-" (bars) } aria-hidden="true" { i {} i {} i {} }
            (untrusted(severity_name(choices, id)))
        }
    }
}

/// The name of a status.
fn status_name(choices: &Choices, id: StatusId) -> &str {
    choices
        .statuses
        .iter()
        .find(|status| status.id == id)
        .map_or("deleted status", |status| &status.what.name)
}

/// The name of a severity.
fn severity_name(choices: &Choices, id: SeverityId) -> &str {
    let severity = choices.severities.iter().find(|severity| severity.id == id);
    severity.map_or("deleted severity", |severity| &severity.what.name)
}

/// Finds an incident by its number or its reference (`3` or `INC-3`). 404 if the person may not see it.
async fn find(web: &WebState, signed_in: &SignedIn, number: &str) -> Result<Incident, Refusal> {
    let digits = number.strip_prefix("INC-").unwrap_or(number);
    let number = digits.parse().map_err(|_| Refusal::NotFound)?;
    let found = web.ctx.store.incident_by_number(signed_in.session.org, number).await?;
    found.filter(|incident| incident.is_seen_by(&signed_in.actor())).ok_or(Refusal::NotFound)
}

async fn show(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    PathParam(number): PathParam<String>,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let incident = find(&web, &signed_in, &number).await?;
    let page = IncidentPage::load(&web, &signed_in, incident).await?;
    let done = match params.text("done") {
        Some("declared") => "Incident declared.",
        Some("update") => "Update shared.",
        Some("status") => "Status changed.",
        Some("edit") => "Changes saved.",
        Some(_) | None => "",
    };
    Ok(page.answer(&headers, done))
}

/// The content of the page.
struct IncidentPage<'a> {
    frame: Frame<'a>,
    story: Story,
    /// The people to whom a role can be assigned.
    people: Vec<domain::user::User>,
    /// The Slack steps that are not done. Empty if Slack is not connected.
    slack_steps: Vec<Step>,
    /// The update form that was refused, with what the person entered.
    update: edit::UpdateForm,
    /// Why the form was refused.
    error: Option<String>,
}

/// The most people whom a role field offers.
const OFFERED_PEOPLE: usize = 200;

impl<'a> IncidentPage<'a> {
    /// Reads the content of the page.
    async fn load(web: &'a WebState, signed_in: &'a SignedIn, incident: Incident) -> Result<Self, Refusal> {
        let (store, org) = (&web.ctx.store, incident.org);
        let frame = Frame::new(web, signed_in, Section::Incidents);
        let slack_steps = match signed_in.rules.org.slack {
            Some(_) => owed(store, &incident).await?,
            None => Vec::new(),
        };
        let story = story(store, &signed_in.rules, incident).await?;
        let people = store.users_after(org, None, OFFERED_PEOPLE).await?;
        let update = edit::UpdateForm::default();
        Ok(Self { frame, story, people, slack_steps, update, error: None })
    }

    fn answer(&self, headers: &HeaderMap, done: &str) -> Response {
        let incident = &self.story.incident;
        let title = format!("{} {}", incident.reference(), incident.title);
        self.frame.answer(headers, &title, &self.main(done))
    }

    /// The path of the page.
    fn path(&self) -> String {
        format!("/incidents/{}", self.story.incident.number)
    }

    fn main(&self, done: &str) -> Markup {
        html! {
            @if !done.is_empty() { p.flash role="status" { (done) } }
            div #head data-live { (self.head()) }
            div.columns {
                div.column {
                    (self.update_form())
                    section.card aria-labelledby="timeline-title" {
                        h2 #timeline-title { "Timeline" }
                        div #timeline data-live { (timeline::timeline(&self.story, self.frame.now)) }
                    }
                }
                aside.column aria-label="Details" {
                    div #about data-live {
                        (self.properties())
                        (self.escalations())
                        (self.alerts())
                        (slack::pending_steps(&self.slack_steps, self.frame.now))
                    }
                    @if self.frame.may(Permission::EditIncidents) { (self.roles_form()) (self.edit_form()) }
                }
            }
        }
    }

    fn head(&self) -> Markup {
        let (incident, choices) = (&self.story.incident, &self.story.choices);
        let by = match &incident.creator {
            domain::Identity::System(_) => "Created by ",
            domain::Identity::ApiKey(_) | domain::Identity::User(_) => "Declared by ",
        };
        html! {
            div.title {
                p.badges {
                    span.reference { (incident.reference()) }
                    (state_badge(choices, incident.head().state(), incident.status()))
                    @if let Some(severity) = incident.severity { (severity_badge(choices, severity)) }
                }
                h1 { (untrusted(&incident.title)) }
                ul.facts {
                    li { (words::ago_and_time(incident.created_at, self.frame.now)) }
                    li { (by) (untrusted(self.story.who(&incident.creator))) }
                }
                @if let Some(summary) = &incident.summary { p.description dir="auto" { (summary) } }
                @for paging in &self.story.escalations { (self.open_escalation(paging)) }
            }
        }
    }

    /// An escalation that needs a response, with its Acknowledge button.
    fn open_escalation(&self, paging: &Paging) -> Markup {
        let escalation = &paging.escalation;
        let state = escalation.head().state();
        html! {
            @if state.notifies() {
                div.card.strip.(tone(state)) data-item {
                    p.line {
                        (escalation::state_badge(state))
                        " " span { (self.level(paging)) }
                    }
                    (escalation::acknowledge_button(&self.frame, escalation.id, &self.path()))
                }
            }
        }
    }

    /// The current level of an escalation and its people.
    fn level(&self, paging: &Paging) -> Markup {
        let level = paging.levels.get(usize::from(paging.escalation.level));
        let names: Vec<&str> = level
            .into_iter()
            .flat_map(|level| &level.targets)
            .map(|target| self.story.person(target.user))
            .collect();
        html! {
            "Level " (paging.escalation.level + 1)
            @if paging.levels.len() > 1 { " of " (paging.levels.len()) }
            @if !names.is_empty() { ": " (untrusted(&words::join_names(&names))) }
        }
    }

    fn properties(&self) -> Markup {
        let (incident, choices) = (&self.story.incident, &self.story.choices);
        html! {
            section.card aria-labelledby="properties" {
                h2.unseen #properties { "Properties" }
                dl.properties {
                    div { dt { "Status" } dd { (state_badge(choices, incident.head().state(), incident.status())) } }
                    div {
                        dt { "Severity" }
                        dd {
                            @match incident.severity {
                                Some(severity) => (severity_badge(choices, severity)),
                                None => span.soft { "Not set" },
                            }
                        }
                    }
                    @for role in &choices.roles {
                        @if let Some(user) = incident.roles.get(&role.id) {
                            div { dt { (untrusted(&role.what.name)) } dd { (untrusted(self.story.person(*user))) } }
                        }
                    }
                    @for milestone in Milestone::ALL {
                        @if let Some(at) = incident.reached(*milestone) {
                            div { dt { (milestone.name()) } dd { (words::time(at, self.frame.now)) } }
                        }
                    }
                }
            }
        }
    }

    fn escalations(&self) -> Markup {
        html! {
            section.card aria-labelledby="escalations" {
                h2 #escalations { "Escalations" }
                @if self.story.escalations.is_empty() { p.none { "No escalations. Nobody was paged." } }
                ul.rows {
                    @for paging in &self.story.escalations { (self.escalation(paging)) }
                }
                @if self.story.more_escalations { p.none { "Only the newest are shown." } }
            }
        }
    }

    fn escalation(&self, paging: &Paging) -> Markup {
        let escalation = &paging.escalation;
        html! {
            li {
                p.line {
                    (escalation::state_badge(escalation.head().state()))
                    " " a href=(format!("/escalations/{}", escalation.id)) { (self.level(paging)) }
                }
                p.soft { (words::ago(escalation.created_at, self.frame.now)) }
            }
        }
    }

    fn alerts(&self) -> Markup {
        html! {
            section.card aria-labelledby="alerts" {
                h2 #alerts { "Alerts" }
                @if self.story.alerts.is_empty() { p.none { "No alerts." } }
                ul.rows {
                    @for alert in &self.story.alerts {
                        li {
                            p.line {
                                (alerts::state_badge(alert.head().state()))
                                " " a href=(format!("/alerts/{}", alert.id)) { (untrusted(&alert.title)) }
                            }
                            p.soft {
                                (untrusted(self.story.source(alert.source)))
                                " · " (words::ago(alert.created_at, self.frame.now))
                            }
                        }
                    }
                }
                @if self.story.more_alerts { p.none { "Only the newest are shown." } }
            }
        }
    }
}
