//! Incidents: created once for a key, listed and shown in full.

mod shown;

use app::incident::create::NewIncident;
use app::incident::edit::Edit;
use app::{AppError, Context};
use axum::extract::{Path, State};
use axum::{Json, routing};
use domain::Timestamp;
use domain::access::Permission;
use domain::id::{IncidentId, OrgId, RoleId, UserId};
use domain::incident::{Incident, Milestone, Visibility};
use machine::{State as _, Stateful};
use serde::Deserialize;
use serde_json::{Value, json};
use std::str::FromStr;
use store::{Choices, Listed, Order, Store};

use crate::api::{Answer, Desk, Id, InTrace, Sent, Shared, clip, guarded, understood};
use crate::auth::Caller;
use crate::binding::none_yet;
use crate::operation::{Operation, Resource};
use crate::page::{Asked, Scan};
use crate::query::{CHOICE, Filters, Has, Operator, Query, TIME};
use crate::{ApiError, incident_types, incident_updates};

use shown::shown;
pub(crate) use shown::{category, choice, creator, person, slim};

/// The most incidents of a page.
const MOST: usize = 500;

/// What incidents are filtered by.
const FILTERS: &[(&str, &[Operator])] = &[
    ("status", CHOICE),
    ("status_category", CHOICE),
    ("created_at", TIME),
    ("updated_at", TIME),
    ("severity", CHOICE),
    ("incident_type", CHOICE),
    ("mode", CHOICE),
];

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incidents",
    operations: &[
        Operation::get("/v2/incidents", "Lists incidents", || routing::get(list))
            .needs(Permission::See)
            .asks(&[
                ("sort_by", "created_at_newest_first or created_at_oldest_first"),
                ("status[one_of]", "In one of these statuses; also not_in"),
                ("status_category[one_of]", "Of one of these categories; also not_in"),
                ("severity[one_of]", "Of one of these severities; also not_in"),
                ("created_at[gte]", "Not before this; also lte and date_range, and the same of updated_at"),
                ("page_size", "How many objects a page has"),
                ("after", "The id of the last object of the page before"),
            ])
            .answers(200, "{incidents*: [Incident], pagination_meta*: Pagination}"),
        Operation::post("/v2/incidents", "Opens an incident; the same key opens nothing twice", || {
            routing::post(create)
        })
        .needs(Permission::CreateIncidents)
        .takes(
            "{idempotency_key*: string, visibility*: public|private, name: string, \
             summary: string, mode: standard, severity_id: id, incident_type_id: id, \
             incident_status_id: id, incident_role_assignments: [RoleAssignmentPayload], \
             incident_timestamp_values: [TimestampValuePayload]}",
        )
        .answers(200, "{incident*: Incident}"),
        Operation::get(
            "/v2/incidents/{id}",
            "Shows an incident, by its id, its number or its reference",
            || routing::get(show),
        )
        .needs(Permission::See)
        .answers(200, "{incident*: Incident}"),
        Operation::post(
            "/v2/incidents/{id}/actions/edit",
            "Edits an incident: what is not sent stays as it is",
            || routing::post(edit),
        )
        .needs(Permission::EditIncidents)
        .takes(
            "{incident*: {name: string, summary: string, severity_id: id, \
             incident_status_id: id, incident_role_assignments: [RoleAssignmentPayload], \
             incident_timestamp_values: [TimestampValuePayload]}, \
             notify_incident_channel*: boolean}",
        )
        .answers(200, "{incident*: Incident}"),
    ],
    shapes: &[
        (
            "Incident",
            "{id*: id, reference*: string, name*: string, summary: string, \
             visibility*: public|private, mode*: standard, permalink*: string, \
             severity: Severity, incident_status*: IncidentStatus, incident_type: IncidentType, \
             creator*: Actor, custom_field_entries*: [any], \
             incident_role_assignments*: [{role*: IncidentRole, assignee: User}], \
             incident_timestamp_values*: [{incident_timestamp*: IncidentTimestamp, \
             value: {value*: time}}], duration_metrics: [any], created_at*: time, \
             updated_at*: time, last_activity_at*: time}",
        ),
        ("RoleAssignmentPayload", "{incident_role_id*: id, assignee: {id: id, email: string}}"),
        ("TimestampValuePayload", "{incident_timestamp_id*: id, value: time}"),
    ],
};

/// The router of incidents.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes().merge(incident_updates::RESOURCE.routes()), ctx)
}

/// What is understood of an incident as it is sent.
#[derive(Deserialize)]
struct IncidentBody {
    idempotency_key: String,
    visibility: Visibility,
    mode: Option<String>,
    incident_type_id: Option<String>,
    retrospective_incident_options: Option<Value>,
}

/// What an incident is given, at its beginning or later.
#[derive(Deserialize)]
struct GivenBody {
    name: Option<String>,
    summary: Option<String>,
    severity_id: Option<String>,
    incident_status_id: Option<String>,
    custom_field_entries: Option<Vec<Value>>,
    incident_role_assignments: Option<Vec<AssignmentBody>>,
    incident_timestamp_values: Option<Vec<MilestoneBody>>,
}

/// Who has a role, as it is sent.
#[derive(Deserialize)]
struct AssignmentBody {
    incident_role_id: String,
    assignee: Option<AssigneeBody>,
}

/// A person, as they are sent.
#[derive(Deserialize)]
struct AssigneeBody {
    id: Option<String>,
    email: Option<String>,
    slack_user_id: Option<String>,
}

/// When a milestone was reached, as it is sent.
#[derive(Deserialize)]
struct MilestoneBody {
    incident_timestamp_id: String,
    value: Option<Timestamp>,
}

/// An edit as it is sent.
#[derive(Deserialize)]
struct EditBody {
    incident: GivenBody,
    notify_incident_channel: bool,
}

/// The name of an incident that was given none.
const UNNAMED: &str = "New incident";

/// A text that says something.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The id that a text is; what is none stands for nothing that there is.
pub(crate) fn chosen<T: FromStr>(kind: &str, field: &str, text: Option<String>) -> Answer<Option<T>> {
    let Some(text) = given(text) else { return Ok(None) };
    let missing = |_| ApiError::invalid(field, format!("There is no {kind} `{}`", clip(&text)));
    text.parse().map(Some).map_err(missing)
}

impl GivenBody {
    /// What was sent, if all of it can be honoured. `at` is where it stands in the body.
    async fn edit(self, store: &Store, org: OrgId, at: &str) -> Answer<Edit> {
        none_yet(&format!("{at}custom_field_entries"), self.custom_field_entries.as_ref())?;
        let mut roles = Vec::new();
        for (n, body) in self.incident_role_assignments.into_iter().flatten().enumerate() {
            roles.push(body.assignment(store, org, &format!("{at}incident_role_assignments.{n}")).await?);
        }
        let mut milestones = Vec::new();
        for (n, body) in self.incident_timestamp_values.into_iter().flatten().enumerate() {
            let id = body.incident_timestamp_id.parse().ok();
            let milestone = id.and_then(|id| Milestone::of(org, id)).ok_or_else(|| {
                let field = format!("{at}incident_timestamp_values.{n}.incident_timestamp_id");
                let reason =
                    format!("There is no incident timestamp `{}`", clip(&body.incident_timestamp_id));
                ApiError::invalid(field, reason)
            })?;
            milestones.push((milestone, body.value));
        }
        Ok(Edit {
            name: self.name,
            summary: self.summary,
            severity: chosen("severity", &format!("{at}severity_id"), self.severity_id)?,
            status: chosen("incident status", &format!("{at}incident_status_id"), self.incident_status_id)?,
            roles,
            milestones,
            announce: false,
        })
    }
}

impl AssignmentBody {
    /// Who is to have the role.
    async fn assignment(self, store: &Store, org: OrgId, at: &str) -> Answer<(RoleId, Option<UserId>)> {
        let field = format!("{at}.incident_role_id");
        let role = chosen("incident role", &field, Some(self.incident_role_id))?;
        let role = role.ok_or_else(|| ApiError::required(&field))?;
        let Some(AssigneeBody { id, email, slack_user_id }) = self.assignee else { return Ok((role, None)) };
        if given(slack_user_id).is_some() {
            let reason = "Nobody is known by a Slack id yet: use `id` or `email`";
            return Err(ApiError::invalid(format!("{at}.assignee.slack_user_id"), reason));
        }
        let user = match (chosen("user", &format!("{at}.assignee.id"), id)?, given(email)) {
            (Some(id), _) => Some(id),
            (None, None) => None,
            (None, Some(email)) => {
                let person = store.person(&email).await?.filter(|(theirs, _)| *theirs == org);
                let (_, id) = person.ok_or_else(|| {
                    let reason = format!("There is nobody with the address `{}`", clip(&email));
                    ApiError::invalid(format!("{at}.assignee.email"), reason)
                })?;
                Some(id)
            }
        };
        Ok((role, user))
    }
}

impl IncidentBody {
    /// Says what cannot be honoured.
    fn check(&self, org: OrgId) -> Answer<()> {
        if self.idempotency_key.is_empty() {
            return Err(ApiError::required("idempotency_key"));
        }
        if given(self.mode.clone()).is_some_and(|mode| mode != "standard") {
            return Err(ApiError::invalid("mode", "There are only incidents of the mode `standard` yet"));
        }
        if self.retrospective_incident_options.is_some() {
            let reason = "There are only incidents of the mode `standard` yet";
            return Err(ApiError::invalid("retrospective_incident_options", reason));
        }
        let other = |id: &String| *id != incident_types::type_id(org).to_string();
        if let Some(id) = given(self.incident_type_id.clone()).filter(other) {
            return Err(ApiError::invalid(
                "incident_type_id",
                format!("There is no incident type `{}`", clip(&id)),
            ));
        }
        Ok(())
    }
}

async fn create(
    State(desk): Shared,
    caller: Caller,
    InTrace(trace): InTrace,
    Sent { body, document }: Sent<IncidentBody>,
) -> Answer<Json<Value>> {
    let (ctx, now) = (&desk.ctx, desk.ctx.now());
    body.check(caller.org)?;
    let given: GivenBody = understood(&document)?;
    let mut given = given.edit(&ctx.store, caller.org, "").await?;
    let name = domain::text::present(given.name.take()).unwrap_or_else(|| UNNAMED.to_owned());
    let new = NewIncident {
        org: caller.org,
        id: IncidentId::new(now, ctx.random()),
        name,
        summary: domain::text::present(given.summary.take()),
        visibility: body.visibility,
        triage: false,
        alert: None,
        trace,
    };
    let key = &body.idempotency_key;
    let incident = app::incident::create::create(&ctx.store, &caller.actor, new, &given, key, now).await?;
    shown_alone(&desk, &caller, &incident).await
}

async fn edit(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<IncidentId>,
    Sent { body, .. }: Sent<EditBody>,
) -> Answer<Json<Value>> {
    let (store, now) = (&desk.ctx.store, desk.ctx.now());
    let edit = body.incident.edit(store, caller.org, "incident.").await?;
    let edit = Edit { announce: body.notify_incident_channel, ..edit };
    let incident = app::incident::edit::edit(store, &caller.actor, id, &edit, now).await?;
    shown_alone(&desk, &caller, &incident).await
}

/// Lists incidents. See `page.rs` for how far one request looks.
async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let (store, org) = (&desk.ctx.store, caller.org);
    let (asked, filters) = (Asked::read(&query, MOST)?, query.filters(FILTERS)?);
    filters.span("updated_at")?;
    let order = match query.one("sort_by") {
        None | Some("created_at_newest_first") => Order::Newest,
        Some("created_at_oldest_first") => Order::Oldest,
        Some(other) => {
            let reason =
                format!("`{}` is neither created_at_newest_first nor created_at_oldest_first", clip(other));
            return Err(ApiError::invalid("sort_by", reason));
        }
    };
    let scan = Scan {
        asked: asked.clone(),
        order,
        made: filters.bound("created_at")?,
        filtered: !filters.is_empty(),
    };
    let choices = &store.incident_choices(org).await?;
    let (desk, caller, filters) = (&*desk, &caller, &filters);
    let page = scan
        .run(
            |beyond, most| async move { store.list_incidents_by(org, order, beyond.as_deref(), most).await },
            |listed| kept(desk, caller, choices, filters, listed),
        )
        .await?;
    Ok(Json(json!({ "incidents": page.items, "pagination_meta": asked.meta(page.after.as_deref()) })))
}

/// Reads a listed incident again, if it passes the filters.
async fn kept(
    desk: &Desk,
    caller: &Caller,
    choices: &Choices,
    filters: &Filters,
    listed: Listed,
) -> Answer<Option<Value>> {
    let Ok(id) = listed.id.parse() else { return Ok(None) };
    let found = desk.ctx.store.incident(caller.org, id).await?;
    let Some(incident) = found.filter(|incident| incident.is_seen_by(&caller.actor)) else { return Ok(None) };
    let state = incident.head().state();
    let kind = incident_types::type_id(caller.org).to_string();
    let passes = filters.pass(|field| match field {
        "status" => Has::text(&incident.status().to_string()),
        "severity" => Has::Texts(incident.severity.iter().map(ToString::to_string).collect()),
        "status_category" => Has::Texts(vec![category(state).to_owned(), state.name().to_owned()]),
        "created_at" => Has::Time(incident.created_at),
        "updated_at" => Has::Time(incident.updated_at),
        "incident_type" => Has::text(&kind),
        "mode" => Has::text("standard"),
        _ => Has::nothing(),
    });
    if !passes {
        return Ok(None);
    }
    shown(desk, caller, choices, &incident).await.map(Some)
}

/// Shows an incident, by its id, its number or its reference.
async fn show(
    State(desk): Shared,
    caller: Caller,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Answer<Json<Value>> {
    let Path(name) = path.map_err(|_| ApiError::not_found("There is nothing of this id"))?;
    let store = &desk.ctx.store;
    let number = name.strip_prefix("INC-").unwrap_or(&name).parse::<u64>();
    let found = match (name.parse::<IncidentId>(), number) {
        (Ok(id), _) => store.incident(caller.org, id).await?,
        (Err(_), Ok(number)) => store.incident_by_number(caller.org, number).await?,
        (Err(_), Err(_)) => None,
    };
    let seen = found.filter(|incident| incident.is_seen_by(&caller.actor));
    let incident = seen.ok_or_else(|| AppError::not_found("incident", clip(&name)))?;
    shown_alone(&desk, &caller, &incident).await
}

async fn shown_alone(desk: &Desk, caller: &Caller, incident: &Incident) -> Answer<Json<Value>> {
    let choices = desk.ctx.store.incident_choices(incident.org).await?;
    Ok(Json(json!({ "incident": shown(desk, caller, &choices, incident).await? })))
}
