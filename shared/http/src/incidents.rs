//! Incidents: created, edited, listed and shown.

mod view;

use std::collections::BTreeSet;

use app::incident::create::NewIncident;
use app::incident::edit::Edit;
use app::{AppError, Context};
use axum::extract::{Path, State};
use axum::{Json, routing};
use domain::access::Permission;
use domain::id::{IncidentId, OrgId, RoleId, SeverityId, StatusId, TypeId, UserId};
use domain::incident::{Incident, IncidentState, Milestone, Visibility};
use machine::{State as _, Stateful};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Choices, Listed, Order, Store};

use crate::api::{
    ApiResult, ApiState, JsonBody, RequestTrace, SharedState, clip, guarded, optional_id, required_id,
};
use crate::auth::Caller;
use crate::binding::unsupported;
use crate::incident_statuses::category;
use crate::operation::{AFTER, Operation, PAGE_SIZE, Resource};
use crate::page::{IndexScan, PageRequest, PaginationView};
use crate::query::{CHOICE, Filters, Has, Operator, Query, TIME};
use crate::schema::{Id, Time};
use crate::{ApiError, incident_types, incident_updates};

use view::IncidentView;

/// The most incidents of a page.
const MAX_PAGE: usize = 500;

/// The fields by which incidents are filtered.
const FILTERS: &[(&str, &[Operator])] = &[
    ("status", CHOICE),
    ("status_category", CHOICE),
    ("created_at", TIME),
    ("updated_at", TIME),
    ("severity", CHOICE),
    ("incident_type", CHOICE),
    ("mode", CHOICE),
];

/// The modes of incidents in incident.io's API. Incidents of Firebell have the first one.
const MODES: &[&str] = &["standard", "retrospective", "test", "tutorial", "stream"];

/// The operations on incidents.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incidents",
    operations: &[
        Operation::get("/v2/incidents", "Lists incidents", || routing::get(list))
            .needs(Permission::See)
            .query(&[
                ("sort_by", "`created_at_newest_first` (default) or `created_at_oldest_first`"),
                ("status[one_of]", "Incidents with one of these statuses. Also not_in"),
                ("status_category[one_of]", "Incidents whose status has one of these categories. Also not_in"),
                ("severity[one_of]", "Incidents with one of these severities. Also not_in"),
                (
                    "created_at[gte]",
                    "Incidents created at this time or later. Also lte and date_range, and the same for updated_at",
                ),
                PAGE_SIZE,
                AFTER,
            ])
            .reply::<IncidentListReply>(200),
        Operation::post(
            "/v2/incidents",
            "Creates an incident. A second request with the same idempotency key creates none",
            || routing::post(create),
        )
        .needs(Permission::CreateIncidents)
        .body::<NewIncidentPayload>()
        .reply::<IncidentReply>(200),
        Operation::get(
            "/v2/incidents/{id}",
            "Shows an incident, by its id, its number or its reference",
            || routing::get(show),
        )
        .needs(Permission::See)
        .reply::<IncidentReply>(200),
        Operation::post(
            "/v2/incidents/{id}/actions/edit",
            "Edits an incident. Fields that are absent keep their values",
            || routing::post(edit),
        )
        .needs(Permission::EditIncidents)
        .body::<IncidentEditPayload>()
        .reply::<IncidentReply>(200),
    ],
};

/// The router of incidents.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes().merge(incident_updates::RESOURCE.routes()), ctx)
}

/// A reply with an incident.
#[derive(Serialize, JsonSchema)]
struct IncidentReply {
    incident: IncidentView,
}

/// A reply with a page of incidents.
#[derive(Serialize, JsonSchema)]
struct IncidentListReply {
    incidents: Vec<IncidentView>,
    pagination_meta: PaginationView,
}

/// An incident to create.
#[derive(Deserialize, JsonSchema)]
struct NewIncidentPayload {
    /// A key of your choice. A second request with the same key creates no second incident.
    #[schemars(length(min = 1))]
    idempotency_key: String,
    /// Who sees the incident.
    #[schemars(with = "String", extend("enum" = ["public", "private"]))]
    visibility: Visibility,
    /// The mode. Only `standard` is supported.
    #[schemars(extend("enum" = ["standard"]))]
    mode: Option<String>,
    /// The id of the incident type.
    incident_type_id: Option<String>,
    /// Not supported yet: leave it out.
    retrospective_incident_options: Option<Map<String, Value>>,
    /// The name.
    name: Option<String>,
    /// What is going on.
    summary: Option<String>,
    /// The id of the severity.
    severity_id: Option<String>,
    /// The id of the status.
    incident_status_id: Option<String>,
    /// Not supported yet: leave it empty.
    custom_field_entries: Option<Vec<Value>>,
    /// Who has which role. Other roles keep their people.
    incident_role_assignments: Option<Vec<RoleAssignmentPayload>>,
    /// When the incident reached which milestone. Other milestones keep their times.
    incident_timestamp_values: Option<Vec<TimestampValuePayload>>,
}

/// The fields of an incident that can be set when it is created and later.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "IncidentFieldsPayload")]
struct IncidentFields {
    /// The name.
    name: Option<String>,
    /// What is going on.
    summary: Option<String>,
    /// The id of the severity.
    severity_id: Option<String>,
    /// The id of the status.
    incident_status_id: Option<String>,
    /// Not supported yet: leave it empty.
    custom_field_entries: Option<Vec<Value>>,
    /// Who has which role. Other roles keep their people.
    incident_role_assignments: Option<Vec<RoleAssignmentPayload>>,
    /// When the incident reached which milestone. Other milestones keep their times.
    incident_timestamp_values: Option<Vec<TimestampValuePayload>>,
}

/// A role and the person who has it.
#[derive(Deserialize, JsonSchema)]
struct RoleAssignmentPayload {
    /// The id of the role.
    #[schemars(length(min = 1))]
    incident_role_id: String,
    /// The person. Nobody has the role if this is absent.
    assignee: Option<AssigneePayload>,
}

/// A person, by one of these fields.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct AssigneePayload {
    /// The id.
    id: Option<String>,
    /// The email address.
    email: Option<String>,
    /// Not supported yet: use `id` or `email`.
    slack_user_id: Option<String>,
}

/// A timestamp and its value.
#[derive(Deserialize, JsonSchema)]
struct TimestampValuePayload {
    /// The id of the timestamp.
    #[schemars(length(min = 1))]
    incident_timestamp_id: String,
    /// The value. The timestamp is cleared if this is absent.
    value: Option<Time>,
}

/// An edit of an incident.
#[derive(Deserialize, JsonSchema)]
struct IncidentEditPayload {
    /// The fields to set.
    incident: IncidentFields,
    /// Whether the people who follow the incident are notified.
    notify_incident_channel: bool,
}

/// The name of an incident that was created without one.
const UNNAMED: &str = "New incident";

/// A text that is not empty.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl IncidentFields {
    /// The edit that sets these fields. `at` is the path of the fields in the body.
    ///
    /// # Errors
    /// [`ApiError`] that names the field that cannot be set.
    async fn edit(self, store: &Store, org: OrgId, at: &str) -> ApiResult<Edit> {
        unsupported(&format!("{at}custom_field_entries"), self.custom_field_entries.as_ref())?;
        let mut roles = Vec::new();
        for (n, body) in self.incident_role_assignments.into_iter().flatten().enumerate() {
            roles.push(body.assignment(store, org, &format!("{at}incident_role_assignments.{n}")).await?);
        }
        let mut milestones = Vec::new();
        for (n, body) in self.incident_timestamp_values.into_iter().flatten().enumerate() {
            let id = body.incident_timestamp_id.parse().ok();
            let milestone = id.and_then(|id| Milestone::of(org, id)).ok_or_else(|| {
                let field = format!("{at}incident_timestamp_values.{n}.incident_timestamp_id");
                let id = clip(&body.incident_timestamp_id);
                ApiError::invalid(field, format!("There is no incident timestamp with the id `{id}`"))
            })?;
            milestones.push((milestone, body.value.map(|Time(at)| at)));
        }
        Ok(Edit {
            name: self.name,
            summary: self.summary,
            severity: optional_id("severity", &format!("{at}severity_id"), self.severity_id)?,
            status: optional_id(
                "incident status",
                &format!("{at}incident_status_id"),
                self.incident_status_id,
            )?,
            roles,
            milestones,
            announce: false,
        })
    }
}

impl RoleAssignmentPayload {
    /// The role and the person who gets it; `None` if nobody does.
    ///
    /// # Errors
    /// [`ApiError`] that names the field with an unknown role or person.
    async fn assignment(self, store: &Store, org: OrgId, at: &str) -> ApiResult<(RoleId, Option<UserId>)> {
        let field = format!("{at}.incident_role_id");
        let role = required_id("incident role", &field, Some(self.incident_role_id))?;
        let Some(AssigneePayload { id, email, slack_user_id }) = self.assignee else {
            return Ok((role, None));
        };
        if filled(slack_user_id).is_some() {
            let reason = "Slack user ids are not supported here yet: use `id` or `email`";
            return Err(ApiError::invalid(format!("{at}.assignee.slack_user_id"), reason));
        }
        let user = match (optional_id("user", &format!("{at}.assignee.id"), id)?, filled(email)) {
            (Some(id), _) => Some(id),
            (None, None) => None,
            (None, Some(email)) => {
                let person = store.person(&email).await?.filter(|(theirs, _)| *theirs == org);
                let (_, id) = person.ok_or_else(|| {
                    let reason = format!("There is no person with the email address `{}`", clip(&email));
                    ApiError::invalid(format!("{at}.assignee.email"), reason)
                })?;
                Some(id)
            }
        };
        Ok((role, user))
    }
}

impl NewIncidentPayload {
    /// Checks the fields that only have one supported value.
    ///
    /// # Errors
    /// [`ApiError`] that names the field with another value.
    fn check(&self, org: OrgId) -> ApiResult<()> {
        if self.idempotency_key.is_empty() {
            return Err(ApiError::required("idempotency_key"));
        }
        if self.mode.as_ref().is_some_and(|mode| !mode.is_empty() && mode != "standard") {
            return Err(ApiError::invalid("mode", "This mode is not supported yet: use `standard`"));
        }
        if self.retrospective_incident_options.is_some() {
            let reason = "Retrospective incidents are not supported yet: leave this out";
            return Err(ApiError::invalid("retrospective_incident_options", reason));
        }
        let other = |id: &String| *id != incident_types::type_id(org).to_string();
        if let Some(id) = filled(self.incident_type_id.clone()).filter(other) {
            let reason = format!("There is no incident type with the id `{}`", clip(&id));
            return Err(ApiError::invalid("incident_type_id", reason));
        }
        Ok(())
    }

    /// The fields that can also be set later.
    fn fields(self) -> IncidentFields {
        IncidentFields {
            name: self.name,
            summary: self.summary,
            severity_id: self.severity_id,
            incident_status_id: self.incident_status_id,
            custom_field_entries: self.custom_field_entries,
            incident_role_assignments: self.incident_role_assignments,
            incident_timestamp_values: self.incident_timestamp_values,
        }
    }
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    RequestTrace(trace): RequestTrace,
    JsonBody { body, .. }: JsonBody<NewIncidentPayload>,
) -> ApiResult<Json<IncidentReply>> {
    let (ctx, now) = (&api.ctx, api.ctx.now());
    body.check(caller.org)?;
    let (visibility, key) = (body.visibility, body.idempotency_key.clone());
    let mut fields = body.fields().edit(&ctx.store, caller.org, "").await?;
    let name = domain::text::present(fields.name.take()).unwrap_or_else(|| UNNAMED.to_owned());
    let new = NewIncident {
        org: caller.org,
        id: IncidentId::new(now, ctx.random()),
        name,
        summary: domain::text::present(fields.summary.take()),
        visibility,
        triage: false,
        alert: None,
        trace,
    };
    let incident = app::incident::create::create(&ctx.store, &caller.actor, new, &fields, &key, now).await?;
    reply(&api, &caller, &incident).await
}

async fn edit(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<IncidentId>,
    JsonBody { body, .. }: JsonBody<IncidentEditPayload>,
) -> ApiResult<Json<IncidentReply>> {
    let (store, now) = (&api.ctx.store, api.ctx.now());
    let edit = body.incident.edit(store, caller.org, "incident.").await?;
    let edit = Edit { announce: body.notify_incident_channel, ..edit };
    let incident = app::incident::edit::edit(store, &caller.actor, id, &edit, now).await?;
    reply(&api, &caller, &incident).await
}

/// Lists incidents. See `page.rs` for how much of the index one request reads.
async fn list(State(api): SharedState, caller: Caller, query: Query) -> ApiResult<Json<IncidentListReply>> {
    let (store, org) = (&api.ctx.store, caller.org);
    let (page, filters) = (PageRequest::read(&query, MAX_PAGE)?, query.filters(FILTERS)?);
    filters.span("updated_at")?;
    let categories = IncidentState::ALL.iter().flat_map(|state| [category(*state), state.name()]);
    let categories: BTreeSet<&str> = categories.collect();
    filters.allow("status_category", &Vec::from_iter(categories))?;
    filters.allow("mode", MODES)?;
    filters.allow_ids::<StatusId>("status")?;
    filters.allow_ids::<SeverityId>("severity")?;
    filters.allow_ids::<TypeId>("incident_type")?;
    let order = match query.one("sort_by") {
        None | Some("created_at_newest_first") => Order::Newest,
        Some("created_at_oldest_first") => Order::Oldest,
        Some(other) => {
            let reason = format!(
                "`{}` is not a supported order: use `created_at_newest_first` or `created_at_oldest_first`",
                clip(other)
            );
            return Err(ApiError::invalid("sort_by", reason));
        }
    };
    let scan = IndexScan {
        page: page.clone(),
        order,
        created: filters.bound("created_at")?,
        filtered: !filters.is_empty(),
    };
    let choices = &store.incident_choices(org).await?;
    let (api, caller, filters) = (&*api, &caller, &filters);
    let found = scan
        .run(
            |beyond, most| async move { store.list_incidents_by(org, order, beyond.as_deref(), most).await },
            |listed| load_if_matching(api, caller, choices, filters, listed),
        )
        .await?;
    Ok(Json(IncidentListReply { incidents: found.items, pagination_meta: page.meta(found.after) }))
}

/// Reads a listed incident; `None` if the caller does not see it or it does not pass the filters.
async fn load_if_matching(
    api: &ApiState,
    caller: &Caller,
    choices: &Choices,
    filters: &Filters,
    listed: Listed,
) -> ApiResult<Option<IncidentView>> {
    let Ok(id) = listed.id.parse() else { return Ok(None) };
    let found = api.ctx.store.incident(caller.org, id).await?;
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
    IncidentView::load(api, caller, choices, &incident).await.map(Some)
}

/// Shows an incident, by its id, its number or its reference.
async fn show(
    State(api): SharedState,
    caller: Caller,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> ApiResult<Json<IncidentReply>> {
    let Path(name) = path.map_err(|_| ApiError::not_found("The path does not hold an id"))?;
    let store = &api.ctx.store;
    let number = name.strip_prefix("INC-").unwrap_or(&name).parse::<u64>();
    let found = match (name.parse::<IncidentId>(), number) {
        (Ok(id), _) => store.incident(caller.org, id).await?,
        (Err(_), Ok(number)) => store.incident_by_number(caller.org, number).await?,
        (Err(_), Err(_)) => None,
    };
    let seen = found.filter(|incident| incident.is_seen_by(&caller.actor));
    let incident = seen.ok_or_else(|| AppError::not_found("incident", clip(&name)))?;
    reply(&api, &caller, &incident).await
}

/// The reply with one incident.
async fn reply(api: &ApiState, caller: &Caller, incident: &Incident) -> ApiResult<Json<IncidentReply>> {
    let choices = api.ctx.store.incident_choices(incident.org).await?;
    Ok(Json(IncidentReply { incident: IncidentView::load(api, caller, &choices, incident).await? }))
}
