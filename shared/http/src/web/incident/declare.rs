//! The form that declares an incident and can start an escalation for it.

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
use http::HeaderMap;
use machine::State as _;
use maud::{Markup, html};
use serde::Deserialize;

use super::OFFERED_PEOPLE;
use super::edit::optional_id;
use crate::web::WebState;
use crate::web::form::{Submitted, error_message, form_error, refused, select};
use crate::web::frame::{Frame, Section};
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;

/// The form that declares an incident.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeclareForm {
    name: String,
    summary: String,
    severity: String,
    status: String,
    lead: String,
    page: String,
    /// A random key in the form, so that a form that is sent twice declares one incident.
    key: String,
}

/// The most escalation paths that the form offers.
const OFFERED_PATHS: usize = 100;

pub(super) async fn show(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    signed_in: SignedIn,
) -> Result<Response, Refusal> {
    signed_in.actor().may(Permission::CreateIncidents).map_err(AppError::from)?;
    let form = DeclareForm { key: web.ctx.seal.random_token(16), ..DeclareForm::default() };
    form.answer(&web, &signed_in, &headers, None).await
}

pub(super) async fn declare(
    State(web): State<Arc<WebState>>,
    Submitted { signed_in, form }: Submitted<DeclareForm>,
) -> Result<Response, Refusal> {
    match form.declare(&web, &signed_in).await {
        Ok(incident) => {
            Ok(Redirect::to(&format!("/incidents/{}?done=declared", incident.number)).into_response())
        }
        Err(error) => {
            let error = form_error(error)?;
            Ok(refused(form.answer(&web, &signed_in, &HeaderMap::new(), Some(&error)).await?))
        }
    }
}

/// Parses whom to notify: `path-ID` or `user-ID`. `None` if the field is empty.
fn target(text: &str) -> Result<Option<EscalationTarget>, AppError> {
    let unknown = || {
        AppError::invalid("page", "the selected escalation path or person does not exist. Select another one")
    };
    match text.split_once('-') {
        _ if text.is_empty() => Ok(None),
        Some(("path", id)) => Ok(Some(EscalationTarget::Path(id.parse().map_err(|_| unknown())?))),
        Some(("user", id)) => Ok(Some(EscalationTarget::Users(vec![id.parse().map_err(|_| unknown())?]))),
        Some(_) | None => Err(unknown()),
    }
}

impl DeclareForm {
    /// Creates the incident, then the escalation if one was selected. Both happen once for each key of a form: if the
    /// form is sent again, only the missing part is done.
    async fn declare(&self, web: &WebState, signed_in: &SignedIn) -> Result<Incident, AppError> {
        let (ctx, now, org) = (&web.ctx, web.ctx.now(), signed_in.session.org);
        if self.key.is_empty() {
            return Err(AppError::invalid("key", "this form is incomplete. Open it again"));
        }
        let target = target(&self.page)?;
        let by = signed_in.actor();
        let key = format!("web {} {}", signed_in.session.user, self.key);
        let choices = ctx.store.incident_choices(org).await?;
        let lead_role = choices.roles.iter().find(|role| role.what.kind == RoleKind::Lead);
        let lead = optional_id("person", &self.lead)?;
        let initial = Edit {
            severity: optional_id("severity", &self.severity)?,
            status: optional_id("status", &self.status)?,
            roles: lead_role.zip(lead).map(|(role, user)| (role.id, Some(user))).into_iter().collect(),
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
        let incident = create(&ctx.store, &by, new, &initial, &key, now).await?;
        if let Some(target) = target {
            let (id, trace) = (EscalationId::new(now, ctx.random()), incident.trace.clone());
            let new = ManualEscalation::for_incident(&incident, id, target, trace);
            app::escalation::create::create(&ctx.store, &web.rules, &by, (&key, new), now).await?;
        }
        Ok(incident)
    }

    async fn answer(
        &self,
        web: &WebState,
        signed_in: &SignedIn,
        headers: &HeaderMap,
        error: Option<&str>,
    ) -> Result<Response, Refusal> {
        let (store, org) = (&web.ctx.store, signed_in.session.org);
        let (choices, people, paths) = tokio::try_join!(
            store.incident_choices(org),
            store.users_after(org, None, OFFERED_PEOPLE),
            store.paths_after(org, None, OFFERED_PATHS),
        )?;
        let frame = Frame::new(web, signed_in, Section::Incidents);
        let severities =
            choices.severities.iter().map(|severity| (severity.id.to_string(), severity.what.name.as_str()));
        let initial = choices.statuses.iter().filter(|one| IncidentState::INITIAL.contains(&one.what.state));
        let is_usual = |state: IncidentState| state == IncidentState::Active;
        let initial = initial.filter(|one| !(one.what.is_default && is_usual(one.what.state)));
        let statuses = initial.map(|one| (one.id.to_string(), one.what.name.as_str()));
        let named = people.iter().map(|user| (user.id.to_string(), user.name.as_str()));
        let main = html! {
            div.headline { h1 { "Declare an incident" } }
            (error_message(error))
            form.card.stack method="post" action="/incidents/new" {
                (frame.token_field())
                input type="hidden" name="key" value=(self.key);
                label.field {
                    span { "Name" }
                    input type="text" name="name" value=(self.name) maxlength="200" required autofocus dir="auto"
                        placeholder="For example: checkout fails for some customers";
                }
                label.field {
                    span { "Summary " span.soft { "(optional)" } }
                    textarea name="summary" rows="3" maxlength="2000" dir="auto" { (self.summary) }
                }
                div.fields {
                    (select("severity", "Severity", "Not set", severities, Some(&self.severity)))
                    (select("status", "Status", "Active", statuses, Some(&self.status)))
                    (select("lead", "Incident lead", "Not assigned", named, Some(&self.lead)))
                    (self.target_field(&people, &paths))
                }
                div.buttons {
                    button.primary type="submit" { "Declare incident" }
                    a.button href="/incidents" { "Cancel" }
                }
            }
        };
        Ok(frame.answer(headers, "Declare an incident", &main))
    }

    /// The field that selects an escalation path or a person to page.
    fn target_field(&self, people: &[domain::user::User], paths: &[domain::escalation_path::Path]) -> Markup {
        let option = |value: String, label: &str| {
            html! { option value=(value) selected[value == self.page] { (label) } }
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
