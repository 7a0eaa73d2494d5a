//! The page of an incident: what it is, what happened, what belongs to it, and what can be done.

mod declare;
mod edit;
mod slack;
mod timeline;

use std::sync::Arc;

use app::incident::timeline::{IncidentTimeline as Story, TimelineEscalation as Paging, timeline as story};
use app::slack::owed::owed;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use domain::access::Permission;
use domain::alert::AlertState;
use domain::id::{SeverityId, StatusId};
use domain::incident::{Incident, IncidentState, Milestone};
use domain::slack::Step;
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};
use store::Choices;

pub(super) use edit::complaint;

use super::Desk;
use super::escalation::{self, state_words, tone};
use super::escalations::Id;
use super::frame::{Frame, Section};
use super::list::{Terms, Wanted};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::words::{self, foreign};

/// The routes of single incidents.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/incidents/new", Access::Needs(Permission::CreateIncidents), || get(declare::ask)),
    Route::post("/incidents/new", Access::Needs(Permission::CreateIncidents), || post(declare::declare)),
    Route::get("/incidents/{number}", Access::SignedIn, || get(show)),
    Route::post("/incidents/{number}/update", Access::Needs(Permission::EditIncidents), || {
        post(edit::update)
    }),
    Route::post("/incidents/{number}/edit", Access::Needs(Permission::EditIncidents), || post(edit::edit)),
    Route::post("/incidents/{number}/roles", Access::Needs(Permission::EditIncidents), || post(edit::roles)),
];

/// The colour of a state; the words beside it say the same.
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

/// How far an incident is, as a badge.
pub(super) fn state_badge(choices: &Choices, state: IncidentState, status: StatusId) -> Markup {
    html! { span.badge.(state_tone(state)) { (foreign(status_name(choices, status))) } }
}

/// How bad an incident is, as a badge: the worse, the more bars.
pub(super) fn severity_badge(choices: &Choices, id: SeverityId) -> Markup {
    let all = choices.severities.len();
    let at = choices.severities.iter().position(|one| one.id == id);
    let bars = at.map_or(0, |at| 1 + at * 2 / all.saturating_sub(1).max(1));
    html! {
        span.badge.severity {
            span.bars.{ "bars-" (bars) } aria-hidden="true" { i {} i {} i {} }
            (foreign(severity_name(choices, id)))
        }
    }
}

/// How a status is called.
fn status_name(choices: &Choices, id: StatusId) -> &str {
    choices.statuses.iter().find(|one| one.id == id).map_or("a status that is gone", |one| &one.what.name)
}

/// How a severity is called.
fn severity_name(choices: &Choices, id: SeverityId) -> &str {
    choices.severities.iter().find(|one| one.id == id).map_or("a severity that is gone", |one| &one.what.name)
}

/// The incident of an address: its number, or its reference as people say it.
async fn find(desk: &Desk, signed_in: &SignedIn, number: Id<String>) -> Result<Incident, Refusal> {
    let Ok(Path(text)) = number else { return Err(Refusal::Gone) };
    let digits = text.strip_prefix("INC-").unwrap_or(&text);
    let number = digits.parse().map_err(|_| Refusal::Gone)?;
    let found = desk.ctx.store.incident_by_number(signed_in.session.org, number).await?;
    found.filter(|incident| incident.is_seen_by(&signed_in.actor())).ok_or(Refusal::Gone)
}

async fn show(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    number: Id<String>,
    signed_in: SignedIn,
    wanted: Wanted,
) -> Result<Response, Refusal> {
    let incident = find(&desk, &signed_in, number).await?;
    let view = View::of(&desk, &signed_in, incident).await?;
    let done = Terms::read("", wanted);
    let done = match done.text("done") {
        Some("declared") => "The incident is declared.",
        Some("update") => "The update is shared.",
        Some("edit") => "The change is kept.",
        Some(_) | None => "",
    };
    Ok(view.answer(&headers, done))
}

/// Everything on the page.
struct View<'a> {
    frame: Frame<'a>,
    story: Story,
    /// Who can be given a role.
    people: Vec<domain::user::User>,
    /// What Slack is still owed because of it; nothing where it is not connected.
    owed: Vec<Step>,
    draft: edit::Draft,
}

/// The most people who are offered for a role.
const MOST_PEOPLE: usize = 200;

impl<'a> View<'a> {
    /// Reads everything that the page shows.
    async fn of(desk: &'a Desk, signed_in: &'a SignedIn, incident: Incident) -> Result<Self, Refusal> {
        let (store, org) = (&desk.ctx.store, incident.org);
        let frame = Frame::new(desk, signed_in, Section::Incidents);
        let owed = match signed_in.rules.org.slack {
            Some(_) => owed(store, &incident).await?,
            None => Vec::new(),
        };
        let story = story(store, &signed_in.rules, incident).await?;
        let people = store.users_after(org, None, MOST_PEOPLE).await?;
        Ok(Self { frame, story, people, owed, draft: edit::Draft::default() })
    }

    fn answer(&self, headers: &HeaderMap, done: &str) -> Response {
        let incident = &self.story.incident;
        let title = format!("{} {}", incident.reference(), incident.title);
        self.frame.answer(headers, &title, &self.main(done))
    }

    /// Where it is.
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
                    section.card aria-labelledby="story" {
                        h2 #story { "Timeline" }
                        div #timeline data-live { (timeline::timeline(&self.story, self.frame.now)) }
                    }
                }
                aside.column aria-label="About this incident" {
                    div #about data-live {
                        (self.about()) (self.escalations()) (self.alerts()) (slack::owed(&self.owed, self.frame.now))
                    }
                    @if self.frame.may(Permission::EditIncidents) { (self.roles_form()) (self.edit_form()) }
                }
            }
        }
    }

    fn head(&self) -> Markup {
        let (incident, choices) = (&self.story.incident, &self.story.choices);
        let by = match &incident.creator {
            domain::Identity::System(_) => "Opened by ",
            domain::Identity::ApiKey(_) | domain::Identity::User(_) => "Declared by ",
        };
        html! {
            div.title {
                p.badges {
                    span.reference { (incident.reference()) }
                    (state_badge(choices, incident.head().state(), incident.status()))
                    @if let Some(severity) = incident.severity { (severity_badge(choices, severity)) }
                }
                h1 { (foreign(&incident.title)) }
                ul.facts {
                    li { (words::since(incident.created_at, self.frame.now)) }
                    li { (by) (foreign(self.story.who(&incident.creator))) }
                }
                @if let Some(summary) = &incident.summary { p.description dir="auto" { (summary) } }
                @for paging in &self.story.escalations { (self.strip(paging)) }
            }
        }
    }

    /// What still needs somebody, with the button, where nobody has to look for it.
    fn strip(&self, paging: &Paging) -> Markup {
        let escalation = &paging.escalation;
        let state = escalation.head().state();
        html! {
            @if state.notifies() {
                div.card.strip.(tone(state)) data-item {
                    p.line {
                        span.badge.(tone(state)) { (state_words(state)) }
                        " " span { (self.level(paging)) }
                    }
                    (escalation::acknowledge(&self.frame, escalation.id, &self.path()))
                }
            }
        }
    }

    /// Who is paged by an escalation now.
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
            @if !names.is_empty() { ": " (foreign(&words::names(&names))) }
        }
    }

    fn about(&self) -> Markup {
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
                                None => span.soft { "Not said yet" },
                            }
                        }
                    }
                    @for role in &choices.roles {
                        @if let Some(user) = incident.roles.get(&role.id) {
                            div { dt { (foreign(&role.what.name)) } dd { (foreign(self.story.person(*user))) } }
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
                @if self.story.escalations.is_empty() { p.none { "Nobody was paged." } }
                ul.rows {
                    @for paging in &self.story.escalations { (self.escalation(paging)) }
                }
                @if self.story.more_escalations { p.none { "Only the newest are shown." } }
            }
        }
    }

    fn escalation(&self, paging: &Paging) -> Markup {
        let escalation = &paging.escalation;
        let state = escalation.head().state();
        html! {
            li {
                p.line {
                    span.badge.(tone(state)) { (state_words(state)) }
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
                @if self.story.alerts.is_empty() { p.none { "No alert belongs to it." } }
                ul.rows {
                    @for alert in &self.story.alerts {
                        @let (tone, says) = match alert.head().state() {
                            AlertState::Firing => ("paging", "Firing"),
                            AlertState::Resolved => ("acked", "Resolved"),
                        };
                        li {
                            p.line {
                                span.badge.(tone) { (says) }
                                " " a href=(format!("/alerts/{}", alert.id)) { (foreign(&alert.title)) }
                            }
                            p.soft {
                                (foreign(self.story.source(alert.source))) " · " (words::ago(alert.created_at, self.frame.now))
                            }
                        }
                    }
                }
                @if self.story.more_alerts { p.none { "Only the newest are shown." } }
            }
        }
    }
}
