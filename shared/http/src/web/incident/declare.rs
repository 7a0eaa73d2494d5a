//! Declaring an incident, and paging somebody for it in the same form.

use std::sync::Arc;

use app::AppError;
use app::escalation::create::{EscalationTarget, ManualEscalation};
use app::incident::create::{NewIncident, create};
use app::incident::edit::Edit;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::id::{EscalationId, IncidentId};
use domain::incident::{Incident, IncidentState, RoleKind, Visibility};
use domain::trace::Trace;
use http::{HeaderMap, StatusCode};
use machine::State as _;
use maud::{Markup, html};
use serde::Deserialize;

use super::MOST_PEOPLE;
use super::edit::{chosen, complaint};
use crate::web::Desk;
use crate::web::frame::{Frame, Section};
use crate::web::list::select;
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;
use crate::web::submitted::Submitted;

/// An incident as it is declared.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Declared {
    name: String,
    summary: String,
    severity: String,
    status: String,
    lead: String,
    page: String,
    /// Told by the form, so that a button pressed twice declares once.
    key: String,
}

/// The most paths that are offered.
const MOST_PATHS: usize = 100;

pub(super) async fn ask(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    signed_in: SignedIn,
) -> Result<Response, Refusal> {
    signed_in.actor().may(Permission::CreateIncidents).map_err(AppError::from)?;
    let form = Declared { key: desk.ctx.seal.random_token(16), ..Declared::default() };
    form.answer(&desk, &signed_in, &headers, None).await
}

pub(super) async fn declare(
    State(desk): State<Arc<Desk>>,
    Submitted { signed_in, form }: Submitted<Declared>,
) -> Result<Response, Refusal> {
    match form.declare(&desk, &signed_in).await {
        Ok(incident) => {
            Ok(Redirect::to(&format!("/incidents/{}?done=declared", incident.number)).into_response())
        }
        Err(error) => {
            let complaint = complaint(error)?;
            let page = form.answer(&desk, &signed_in, &HeaderMap::new(), Some(&complaint)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Whom a choice means, written as `path-ID` or `user-ID`.
fn target(text: &str) -> Result<Option<EscalationTarget>, AppError> {
    let nobody = || AppError::invalid("page", "there is nobody like that to page");
    match text.split_once('-') {
        _ if text.is_empty() => Ok(None),
        Some(("path", id)) => Ok(Some(EscalationTarget::Path(id.parse().map_err(|_| nobody())?))),
        Some(("user", id)) => Ok(Some(EscalationTarget::Users(vec![id.parse().map_err(|_| nobody())?]))),
        Some(_) | None => Err(nobody()),
    }
}

impl Declared {
    /// Opens the incident, and then pages whoever was chosen. Each happens once for a key: sent again, what is missing
    /// is done.
    async fn declare(&self, desk: &Desk, signed_in: &SignedIn) -> Result<Incident, AppError> {
        let (ctx, now, org) = (&desk.ctx, desk.ctx.now(), signed_in.session.org);
        if self.key.is_empty() {
            return Err(AppError::invalid("key", "this form is no longer good: open it again"));
        }
        let target = target(&self.page)?;
        let by = signed_in.actor();
        let key = format!("web {} {}", signed_in.session.user, self.key);
        let choices = ctx.store.incident_choices(org).await?;
        let leads = choices.roles.iter().find(|role| role.what.kind == RoleKind::Lead);
        let lead = chosen("person", &self.lead)?;
        let given = Edit {
            severity: chosen("severity", &self.severity)?,
            status: chosen("status", &self.status)?,
            roles: leads.zip(lead).map(|(role, user)| (role.id, Some(user))).into_iter().collect(),
            ..Edit::default()
        };
        let new = NewIncident {
            org,
            id: IncidentId::new(now, ctx.random()),
            name: self.name.trim().to_owned(),
            summary: domain::text::present(Some(self.summary.replace("\r\n", "\n").trim().to_owned())),
            visibility: Visibility::Public,
            triage: false,
            alert: None,
            trace: Trace::begin(ctx.random()),
        };
        let incident = create(&ctx.store, &by, new, &given, &key, now).await?;
        if let Some(target) = target {
            let (id, trace) = (EscalationId::new(now, ctx.random()), incident.trace.clone());
            let new = ManualEscalation::for_incident(&incident, id, target, trace);
            app::escalation::create::create(&ctx.store, &desk.rules, &by, (&key, new), now).await?;
        }
        Ok(incident)
    }

    async fn answer(
        &self,
        desk: &Desk,
        signed_in: &SignedIn,
        headers: &HeaderMap,
        complaint: Option<&str>,
    ) -> Result<Response, Refusal> {
        let (store, org) = (&desk.ctx.store, signed_in.session.org);
        let (choices, people, paths) = tokio::try_join!(
            store.incident_choices(org),
            store.users_after(org, None, MOST_PEOPLE),
            store.paths_after(org, None, MOST_PATHS),
        )?;
        let frame = Frame::new(desk, signed_in, Section::Incidents);
        let severities = choices.severities.iter().map(|one| (one.id.to_string(), one.what.name.as_str()));
        let initial = choices.statuses.iter().filter(|one| IncidentState::INITIAL.contains(&one.what.state));
        let is_usual = |state: IncidentState| state == IncidentState::Active;
        let initial = initial.filter(|one| !(one.what.is_default && is_usual(one.what.state)));
        let statuses = initial.map(|one| (one.id.to_string(), one.what.name.as_str()));
        let named = people.iter().map(|user| (user.id.to_string(), user.name.as_str()));
        let main = html! {
            div.headline { h1 { "Declare an incident" } }
            @if let Some(complaint) = complaint { p.complaint role="alert" { (complaint) "." } }
            form.card.stack method="post" action="/incidents/new" {
                (frame.field())
                input type="hidden" name="key" value=(self.key);
                label.field {
                    span { "Name" }
                    input type="text" name="name" value=(self.name) maxlength="200" required autofocus dir="auto"
                        placeholder="What is wrong, in a few words";
                }
                label.field {
                    span { "Summary " span.soft { "(may come later)" } }
                    textarea name="summary" rows="3" maxlength="2000" dir="auto" { (self.summary) }
                }
                div.fields {
                    (select("severity", "Severity", "Not said yet", severities, Some(&self.severity)))
                    (select("status", "Status", "Active", statuses, Some(&self.status)))
                    (select("lead", "Incident lead", "Nobody yet", named, Some(&self.lead)))
                    (self.whom(&people, &paths))
                }
                div.buttons {
                    button.primary type="submit" { "Declare incident" }
                    a.button href="/incidents" { "Back" }
                }
            }
        };
        Ok(frame.answer(headers, "Declare an incident", &main))
    }

    /// Whom to page.
    fn whom(&self, people: &[domain::user::User], paths: &[domain::escalation_path::Path]) -> Markup {
        let option = |value: String, says: &str| {
            html! { option value=(value) selected[value == self.page] { (says) } }
        };
        html! {
            label.field {
                span { "Page" }
                select name="page" {
                    option value="" { "Nobody" }
                    optgroup label="Escalation paths" {
                        @for path in paths { (option(format!("path-{}", path.id), &path.name)) }
                    }
                    optgroup label="People" {
                        @for user in people { (option(format!("user-{}", user.id), &user.name)) }
                    }
                }
            }
        }
    }
}
