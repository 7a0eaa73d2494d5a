//! The forms on the page of an incident: share an update, edit the name and the summary, assign roles.

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
use http::HeaderMap;
use machine::{State as _, Stateful};
use maud::{Markup, html};
use serde::Deserialize;

use super::{IncidentPage, find};
use crate::web::WebState;
use crate::web::form::{Submitted, error_message, form_error, refused, select};
use crate::web::path_param::PathParam;
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;

/// The form that shares an update.
#[derive(Debug, Default, Deserialize)]
pub(super) struct UpdateForm {
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    severity: String,
    /// The status of the button that was pressed. Empty for the button "Share update".
    #[serde(default)]
    to: String,
    /// The version of the incident that the person saw.
    #[serde(default)]
    version: u64,
}

/// The form that edits the name and the summary. It contains the previous values too, so that only a field that the
/// person changed overwrites a change that somebody else has made in the meantime.
#[derive(Debug, Deserialize)]
pub(super) struct EditForm {
    name: String,
    was_name: String,
    summary: String,
    was_summary: String,
}

/// Parses the id in a field. `None` if the field is empty.
pub(super) fn optional_id<T: std::str::FromStr>(field: &str, text: &str) -> Result<Option<T>, AppError> {
    if text.is_empty() {
        return Ok(None);
    }
    let unknown =
        |_| AppError::invalid(field, format!("the selected {field} does not exist. Select another one"));
    text.parse().map(Some).map_err(unknown)
}

/// Removes surrounding whitespace from a text, and the carriage returns that browsers send.
fn normalized(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

impl UpdateForm {
    fn update(&self) -> Result<Update, AppError> {
        let status = if self.to.is_empty() { &self.status } else { &self.to };
        Ok(Update {
            message: domain::text::present(Some(normalized(&self.message))),
            status: optional_id("status", status)?,
            severity: optional_id("severity", &self.severity)?,
        })
    }

    /// The idempotency key. It is the same if one button is pressed twice, and differs if the same text is sent later.
    fn key(&self, by: UserId) -> String {
        let Self { message, status, severity, to, version } = self;
        let content = format!("{:?}", (by, version, message, status, severity, to));
        format!("web {}", domain::text::fingerprint(content.as_bytes(), 32))
    }
}

/// Answers with the page of the incident, with the error and what the person entered.
async fn refuse(
    web: &WebState,
    signed_in: &SignedIn,
    incident: Incident,
    error: AppError,
    update: UpdateForm,
) -> Result<Response, Refusal> {
    let error = form_error(error)?;
    let mut page = IncidentPage::load(web, signed_in, incident).await?;
    page.update = update;
    page.error = Some(error);
    page.frame.update_from = Some(page.path());
    Ok(refused(page.answer(&HeaderMap::new(), "")))
}

pub(super) async fn update(
    State(web): State<Arc<WebState>>,
    PathParam(number): PathParam<String>,
    Submitted { signed_in, form }: Submitted<UpdateForm>,
) -> Result<Response, Refusal> {
    let incident = find(&web, &signed_in, &number).await?;
    let (store, user, now) = (&web.ctx.store, signed_in.session.user, web.ctx.now());
    let (key, update) = (form.key(user), form.update());
    let shared = async {
        let by = signed_in.actor();
        app::incident::update::update(store, &by, incident.id, &update?, Some(&key), now).await
    };
    match shared.await {
        Ok(_) => Ok(done(&incident, if form.to.is_empty() { "update" } else { "status" })),
        Err(error) => refuse(&web, &signed_in, incident, error, form).await,
    }
}

/// Redirects to the page of the incident, which then confirms that a change was made.
fn done(incident: &Incident, change: &str) -> Response {
    Redirect::to(&format!("/incidents/{}?done={change}", incident.number)).into_response()
}

/// The new value of a field. `None` if the person has not changed it.
fn changed(text: &str, previous: &str) -> Option<String> {
    let [text, previous] = [text, previous].map(normalized);
    (text != previous).then_some(text)
}

pub(super) async fn edit(
    State(web): State<Arc<WebState>>,
    PathParam(number): PathParam<String>,
    Submitted { signed_in, form }: Submitted<EditForm>,
) -> Result<Response, Refusal> {
    let edit = Edit {
        name: changed(&form.name, &form.was_name),
        summary: changed(&form.summary, &form.was_summary),
        ..Edit::default()
    };
    save(&web, &signed_in, &number, Ok(edit)).await
}

pub(super) async fn roles(
    State(web): State<Arc<WebState>>,
    PathParam(number): PathParam<String>,
    Submitted { signed_in, form }: Submitted<BTreeMap<String, String>>,
) -> Result<Response, Refusal> {
    save(&web, &signed_in, &number, changed_roles(&form)).await
}

/// The roles that the person has changed, with the person to whom each is assigned now.
fn changed_roles(form: &BTreeMap<String, String>) -> Result<Edit, AppError> {
    let mut roles = Vec::new();
    for (name, user) in form {
        let Some(role) = name.strip_prefix("role-") else { continue };
        if form.get(&format!("was-{role}")).is_some_and(|was| was == user) {
            continue;
        }
        let id: Option<RoleId> = optional_id("role", role)?;
        let id = id.ok_or_else(|| AppError::invalid("role", "the selected role does not exist"))?;
        roles.push((id, optional_id("person", user)?));
    }
    Ok(Edit { roles, announce: true, ..Edit::default() })
}

/// Saves an edit.
async fn save(
    web: &WebState,
    signed_in: &SignedIn,
    number: &str,
    edit: Result<Edit, AppError>,
) -> Result<Response, Refusal> {
    let incident = find(web, signed_in, number).await?;
    let (store, by, now) = (&web.ctx.store, signed_in.actor(), web.ctx.now());
    let edited = async { app::incident::edit::edit(store, &by, incident.id, &edit?, now).await };
    match edited.await {
        Ok(_) => Ok(done(&incident, "edit")),
        Err(error) => refuse(web, signed_in, incident, error, UpdateForm::default()).await,
    }
}

/// The confirmation before an incident is closed.
const CONFIRM_CLOSE: &str =
    "Close this incident? Its ongoing escalations are cancelled. You can reopen the incident later.";

impl IncidentPage<'_> {
    /// The statuses to which the incident can change. Merging needs another incident, so it is not offered.
    fn next_statuses(&self) -> impl Iterator<Item = &Configured<Status>> {
        let state = self.story.incident.head().state();
        let can = move |to: IncidentState| {
            to == state || state.successors().contains(&to) && to != IncidentState::Merged
        };
        self.story.choices.statuses.iter().filter(move |status| can(status.what.state))
    }

    /// A button that changes the status to the default status of a state, after the question in `confirm` if there is one.
    fn status_button(&self, state: IncidentState, label: &str, confirm: Option<&str>) -> Markup {
        let id = Status::default_id(self.story.incident.org, state);
        let is_possible =
            self.story.incident.head().state() != state && self.next_statuses().any(|status| status.id == id);
        html! {
            @if is_possible { button type="submit" name="to" value=(id) data-confirm=[confirm] { (label) } }
        }
    }

    pub(super) fn update_form(&self) -> Markup {
        let (incident, form) = (&self.story.incident, &self.update);
        let state = incident.head().state();
        let statuses = self.next_statuses().filter(|status| status.id != incident.status());
        let statuses = statuses.map(|status| (status.id.to_string(), status.what.name.as_str()));
        let severities = self.story.choices.severities.iter();
        let severities = severities.filter(|severity| Some(severity.id) != incident.severity);
        let severities = severities.map(|severity| (severity.id.to_string(), severity.what.name.as_str()));
        let is_final = matches!(state, IncidentState::Merged | IncidentState::Canceled);
        let can_be_changed = !is_final && self.frame.may(Permission::EditIncidents);
        html! {
            (error_message(self.error.as_deref()))
            @if can_be_changed {
                form.card.update method="post" action=(format!("{}/update", self.path())) aria-labelledby="update" {
                    (self.frame.token_field())
                    input type="hidden" name="version" value=(incident.head().version());
                    h2 { label #update for="message" { "Share an update" } }
                    textarea #message name="message" rows="3" maxlength="8000" dir="auto" data-update
                        placeholder="What do you know, what are you doing, and what happens next?" { (form.message) }
                    div.fields {
                        (select("status", "Status", "No change", statuses, Some(&form.status)))
                        (select("severity", "Severity", "No change", severities, Some(&form.severity)))
                    }
                    div.buttons {
                        button.primary type="submit" { "Share update" }
                        (self.status_button(IncidentState::Closed, "Close incident", Some(CONFIRM_CLOSE)))
                        @if state != IncidentState::Paused && state != IncidentState::Triage {
                            (self.status_button(IncidentState::Active, "Reopen incident", None))
                        }
                        @if state == IncidentState::Triage {
                            (self.status_button(IncidentState::Active, "Accept incident", None))
                        }
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
                    (self.frame.token_field())
                    @for role in &choices.roles {
                        @let holder = incident.roles.get(&role.id).map(ToString::to_string);
                        @let holder = holder.as_deref();
                        @let (field, previous) = (format!("role-{}", role.id), format!("was-{}", role.id));
                        input type="hidden" name=(previous) value=(holder.unwrap_or_default());
                        (select(&field, &role.what.name, "Not assigned", self.people(), holder))
                    }
                    button type="submit" { "Save roles" }
                }
            }
        }
    }

    /// The people to whom a role can be assigned.
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
                    (self.frame.token_field())
                    input type="hidden" name="was_name" value=(incident.title);
                    input type="hidden" name="was_summary" value=(summary);
                    label.field {
                        span { "Name" }
                        input type="text" name="name" value=(incident.title) maxlength="200" required dir="auto";
                    }
                    label.field {
                        span { "Summary" }
                        textarea name="summary" rows="4" maxlength="2000" dir="auto" { (summary) }
                    }
                    button type="submit" { "Save" }
                }
            }
        }
    }
}
