//! The audit log: who changed what, newest first.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use domain::Identity;
use domain::access::Permission;
use domain::audit::{AuditChange, AuditEntry};
use domain::id::AuditId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{ApiResult, SharedState};
use crate::auth::Caller;
use crate::operation::{Operation, PAGE_SIZE, Resource};
use crate::page::{PageRequest, PaginationView};
use crate::query::Query;
use crate::schema::{Id, Time};

/// The most entries of a page.
const MAX_PAGE: usize = 250;

/// The operation on the audit log.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Audit log",
    operations: &[Operation::get(
        "/v2/audit_logs",
        "Lists the entries of the audit log, newest first (Firebell extension)",
        || get(list),
    )
    .needs(Permission::SeeAudit)
    .query(&[PAGE_SIZE, ("after", "The cursor of the previous page")])
    .reply::<AuditLogListReply>(200)],
};

/// A reply with a page of the audit log.
#[derive(Serialize, JsonSchema)]
struct AuditLogListReply {
    audit_logs: Vec<AuditLogView>,
    pagination_meta: PaginationView,
}

/// An entry of the audit log.
#[derive(Serialize, JsonSchema)]
struct AuditLogView {
    /// The id.
    id: Id<AuditId>,
    /// When it happened.
    occurred_at: Time,
    /// What happened, as `alert_route.updated`.
    action: String,
    /// Who did it.
    actor: AuditActorView,
    /// The object that was changed.
    target: AuditTargetView,
    /// The fields that were changed.
    changes: Vec<AuditChangeView>,
}

/// Who did something.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct AuditActorView {
    /// The kind of actor.
    #[schemars(extend("enum" = ["system", "api_key", "user"]))]
    r#type: &'static str,
    /// The id, or the name of a part of Firebell.
    id: String,
}

/// An object that was changed.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct AuditTargetView {
    /// The kind of object.
    r#type: String,
    /// The id.
    id: String,
    /// The name at that time.
    name: String,
}

/// A field that was changed.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct AuditChangeView {
    /// The field.
    field: String,
    /// The value before. Absent if it was empty, secret or long.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// The value after. Absent if it is empty, secret or long.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl From<&AuditEntry> for AuditLogView {
    fn from(entry: &AuditEntry) -> Self {
        let (kind, id) = match &entry.by {
            Identity::System(part) => ("system", part.clone()),
            Identity::ApiKey(id) => ("api_key", id.to_string()),
            Identity::User(id) => ("user", id.to_string()),
        };
        let thing = entry.target.clone();
        let change =
            |AuditChange { field, before, after }: AuditChange| AuditChangeView { field, before, after };
        Self {
            id: Id(entry.id),
            occurred_at: Time(entry.at),
            action: entry.action.clone(),
            actor: AuditActorView { r#type: kind, id },
            target: AuditTargetView { r#type: thing.kind, id: thing.id, name: thing.name },
            changes: entry.changes.iter().cloned().map(change).collect(),
        }
    }
}

async fn list(State(api): SharedState, caller: Caller, query: Query) -> ApiResult<Json<AuditLogListReply>> {
    let (ctx, page) = (&api.ctx, PageRequest::read(&query, MAX_PAGE)?);
    let before: Option<AuditId> = page.after.as_ref().and_then(|after| after.parse().ok());
    let found = ctx.store.audit_log(caller.org, before, page.size, ctx.now()).await?;
    Ok(Json(AuditLogListReply {
        audit_logs: found.entries.iter().map(AuditLogView::from).collect(),
        pagination_meta: page.meta(found.after.map(|after| after.to_string())),
    }))
}
