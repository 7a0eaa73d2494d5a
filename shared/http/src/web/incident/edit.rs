//! What can be done with an incident: an update, other roles, other words.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::AppError;
use app::incident::edit::Edit;
use app::incident::update::Update;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::choice::Configured;
use domain::id::{RoleId, UserId};
use domain::incident::{Incident, IncidentState, Status};
use http::{HeaderMap, StatusCode};
use machine::{State as _, Stateful};
use maud::{Markup, html};
use serde::Deserialize;

use super::{View, find};
use crate::web::Desk;
use crate::web::escalations::Id;
use crate::web::list::select;
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;
use crate::web::submitted::Submitted;
use crate::web::words::capital;

/// An update as it is written.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    severity: String,
    /// The status that a button of its own means.
    #[serde(default)]
    to: String,
    /// The version of the incident that it was written about.
    #[serde(default)]
    version: u64,
    /// What was wrong with it.
    #[serde(skip)]
    complaint: Option<String>,
}

/// The id that a field is; an empty field is none.
pub(super) fn chosen<T: std::str::FromStr>(what: &str, text: &str) -> Result<Option<T>, AppError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| AppError::invalid(what, format!("there is no such {what}")))
}

impl Draft {
    fn update(&self) -> Result<Update, AppError> {
        let status = if self.to.is_empty() { &self.status } else { &self.to };
        Ok(Update {
            // Browsers send line ends as a mail does.
            message: domain::text::present(Some(self.message.replace("\r\n", "\n").trim().to_owned())),
            status: chosen("status", status)?,
            severity: chosen("severity", &self.severity)?,
        })
    }

    /// What tells a button that was pressed twice from the same words written again.
    fn key(&self, by: UserId) -> String {
        let Self { message, status, severity, to, version, .. } = self;
        let told = format!("{:?}", (by, version, message, status, severity, to));
        format!("web {}", domain::text::fingerprint(told.as_bytes(), 32))
    }
}

/// What is wrong with what was sent, for whoever can put it right.
pub(in crate::web) fn complaint(error: AppError) -> Result<String, Refusal> {
    match error {
        AppError::Invalid { reason, .. } | AppError::Illegal(reason) => Ok(capital(&reason)),
        AppError::NotFound { .. }
        | AppError::Forbidden(_)
        | AppError::Conflict
        | AppError::Unavailable { .. } => Err(error.into()),
    }
}

/// The page again, with what is wrong.
async fn again(
    desk: &Desk,
    signed_in: &SignedIn,
    incident: Incident,
    error: AppError,
    draft: Draft,
) -> Result<Response, Refusal> {
    let complaint = complaint(error)?;
    let mut view = View::of(desk, signed_in, incident).await?;
    view.draft = Draft { complaint: Some(complaint), ..draft };
    view.frame.from = Some(view.path());
    Ok((StatusCode::UNPROCESSABLE_ENTITY, view.answer(&HeaderMap::new(), "")).into_response())
}

pub(super) async fn update(
    State(desk): State<Arc<Desk>>,
    number: Id<String>,
    Submitted { signed_in, form }: Submitted<Draft>,
) -> Result<Response, Refusal> {
    let incident = find(&desk, &signed_in, number).await?;
    let (store, user, now) = (&desk.ctx.store, signed_in.session.user, desk.ctx.now());
    let (key, update) = (form.key(user), form.update());
    let shared = async {
        let by = signed_in.actor();
        app::incident::update::update(store, &by, incident.id, &update?, Some(&key), now).await
    };
    match shared.await {
        Ok(_) => Ok(done(&incident, "update")),
        Err(error) => again(&desk, &signed_in, incident, error, form).await,
    }
}

/// Back to the page, which says that it is done.
fn done(incident: &Incident, what: &str) -> Response {
    Redirect::to(&format!("/incidents/{}?done={what}", incident.number)).into_response()
}

/// Other words for it. What somebody else has changed meanwhile stays as it is.
#[derive(Debug, Deserialize)]
pub(super) struct Words {
    name: String,
    was_name: String,
    summary: String,
    was_summary: String,
}

/// What a person has changed in a field.
fn changed(text: &str, was: &str) -> Option<String> {
    let [text, was] = [text, was].map(|text| text.replace("\r\n", "\n").trim().to_owned());
    (text != was).then_some(text)
}

pub(super) async fn edit(
    State(desk): State<Arc<Desk>>,
    number: Id<String>,
    Submitted { signed_in, form }: Submitted<Words>,
) -> Result<Response, Refusal> {
    let edit = Edit {
        name: changed(&form.name, &form.was_name),
        summary: changed(&form.summary, &form.was_summary),
        ..Edit::default()
    };
    commit(&desk, &signed_in, number, Ok(edit)).await
}

pub(super) async fn roles(
    State(desk): State<Arc<Desk>>,
    number: Id<String>,
    Submitted { signed_in, form }: Submitted<BTreeMap<String, String>>,
) -> Result<Response, Refusal> {
    commit(&desk, &signed_in, number, given(&form)).await
}

/// Who is to have which role, of those that the person has changed.
fn given(form: &BTreeMap<String, String>) -> Result<Edit, AppError> {
    let mut roles = Vec::new();
    for (name, user) in form {
        let Some(role) = name.strip_prefix("role-") else { continue };
        if form.get(&format!("was-{role}")).is_some_and(|was| was == user) {
            continue;
        }
        let id: Option<RoleId> = chosen("role", role)?;
        let id = id.ok_or_else(|| AppError::invalid("role", "there is no such role"))?;
        roles.push((id, chosen("person", user)?));
    }
    Ok(Edit { roles, announce: true, ..Edit::default() })
}

/// Commits an edit.
async fn commit(
    desk: &Desk,
    signed_in: &SignedIn,
    number: Id<String>,
    edit: Result<Edit, AppError>,
) -> Result<Response, Refusal> {
    let incident = find(desk, signed_in, number).await?;
    let (store, by, now) = (&desk.ctx.store, signed_in.actor(), desk.ctx.now());
    let edited = async { app::incident::edit::edit(store, &by, incident.id, &edit?, now).await };
    match edited.await {
        Ok(_) => Ok(done(&incident, "edit")),
        Err(error) => again(desk, signed_in, incident, error, Draft::default()).await,
    }
}

impl View<'_> {
    /// The statuses that it can go to. Merging needs another incident, which is said elsewhere.
    fn next(&self) -> impl Iterator<Item = &Configured<Status>> {
        let state = self.story.incident.head().state();
        let can = move |to: IncidentState| {
            to == state || state.successors().contains(&to) && to != IncidentState::Merged
        };
        self.story.choices.statuses.iter().filter(move |status| can(status.what.state))
    }

    /// The button that brings it to a state in one press.
    fn one_press(&self, state: IncidentState, says: &str, sure: &str) -> Markup {
        let id = Status::default_id(self.story.incident.org, state);
        let there = self.story.incident.head().state() != state && self.next().any(|status| status.id == id);
        html! {
            @if there { button type="submit" name="to" value=(id) data-sure=[(!sure.is_empty()).then_some(sure)] { (says) } }
        }
    }

    /// What a person reads who has sent something that does not work.
    fn complaint(&self) -> Markup {
        html! {
            @if let Some(complaint) = &self.draft.complaint { p.complaint role="alert" { (complaint) "." } }
        }
    }

    pub(super) fn update_form(&self) -> Markup {
        let (incident, draft) = (&self.story.incident, &self.draft);
        let state = incident.head().state();
        let statuses = self.next().filter(|status| status.id != incident.status());
        let statuses = statuses.map(|one| (one.id.to_string(), one.what.name.as_str()));
        let severities = self.story.choices.severities.iter();
        let severities = severities.filter(|one| Some(one.id) != incident.severity);
        let severities = severities.map(|one| (one.id.to_string(), one.what.name.as_str()));
        let is_final = matches!(state, IncidentState::Merged | IncidentState::Canceled);
        let can_be_changed = !is_final && self.frame.may(Permission::EditIncidents);
        html! {
            (self.complaint())
            @if can_be_changed {
                form.card.update method="post" action=(format!("{}/update", self.path())) aria-labelledby="update" {
                    (self.frame.field())
                    input type="hidden" name="version" value=(incident.head().version());
                    h2 { label #update for="message" { "Share an update" } }
                    textarea #message name="message" rows="3" maxlength="8000" dir="auto" data-update
                        placeholder="What is known, what is being done, what comes next" { (draft.message) }
                    div.fields {
                        (select("status", "Status", "Stays", statuses, Some(&draft.status)))
                        (select("severity", "Severity", "Stays", severities, Some(&draft.severity)))
                    }
                    div.buttons {
                        button.primary type="submit" { "Share update" }
                        (self.one_press(IncidentState::Closed, "Close incident", "Close this incident? It can be opened again."))
                        @if state != IncidentState::Paused && state != IncidentState::Triage {
                            (self.one_press(IncidentState::Active, "Reopen", ""))
                        }
                        @if state == IncidentState::Triage { (self.one_press(IncidentState::Active, "Accept", "")) }
                    }
                }
            }
        }
    }

    pub(super) fn roles_form(&self) -> Markup {
        let (incident, choices) = (&self.story.incident, &self.story.choices);
        html! {
            details.card.fold {
                summary { "Roles" }
                form method="post" action=(format!("{}/roles", self.path())) {
                    (self.frame.field())
                    @for role in &choices.roles {
                        @let has = incident.roles.get(&role.id).map(ToString::to_string);
                        input type="hidden" name=(format!("was-{}", role.id)) value=(has.as_deref().unwrap_or_default());
                        (select(&format!("role-{}", role.id), &role.what.name, "Nobody", self.people(), has.as_deref()))
                    }
                    button type="submit" { "Keep roles" }
                }
            }
        }
    }

    /// Whoever can be given a role.
    fn people(&self) -> impl Iterator<Item = (String, &str)> {
        self.people.iter().map(|user| (user.id.to_string(), user.name.as_str()))
    }

    pub(super) fn edit_form(&self) -> Markup {
        let incident = &self.story.incident;
        let summary = incident.summary.as_deref().unwrap_or_default();
        html! {
            details.card.fold {
                summary { "Name and summary" }
                form method="post" action=(format!("{}/edit", self.path())) {
                    (self.frame.field())
                    input type="hidden" name="was_name" value=(incident.title);
                    input type="hidden" name="was_summary" value=(summary);
                    label.field { span { "Name" } input type="text" name="name" value=(incident.title) maxlength="200" required dir="auto"; }
                    label.field {
                        span { "Summary" }
                        textarea name="summary" rows="4" maxlength="2000" dir="auto" { (summary) }
                    }
                    button type="submit" { "Keep" }
                }
            }
        }
    }
}
