//! The audit log: who changed what, the newest first.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use domain::Identity;
use domain::access::Permission;
use domain::audit::AuditEntry;
use domain::id::AuditId;
use serde_json::{Value, json};

use crate::api::{Answer, Shared};
use crate::auth::Caller;
use crate::operation::{Operation, Resource};
use crate::page::Asked;
use crate::query::Query;

/// The most entries of a page.
const MOST: usize = 250;

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Audit log",
    operations: &[Operation::get(
        "/v2/audit_logs",
        "Lists who changed what, the newest first; this is ours",
        || get(list),
    )
    .needs(Permission::SeeAudit)
    .asks(&[("page_size", "How many objects a page has"), ("after", "The cursor of the page before")])
    .answers(200, "{audit_logs*: [AuditLog], pagination_meta*: Pagination}")],
    shapes: &[(
        "AuditLog",
        "{id*: id, occurred_at*: time, action*: string, actor*: {type*: system|api_key|user, id*: string}, \
         target*: {type*: string, id*: string, name*: string}, \
         changes*: [{field*: string, before: string, after: string}]}",
    )],
};

async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let (ctx, asked) = (&desk.ctx, Asked::read(&query, MOST)?);
    let before: Option<AuditId> = asked.after.as_ref().and_then(|after| after.parse().ok());
    let page = ctx.store.audit_log(caller.org, before, asked.size, ctx.now()).await?;
    let after = page.after.map(|after| after.to_string());
    Ok(Json(json!({
        "audit_logs": page.entries.iter().map(shown).collect::<Vec<_>>(),
        "pagination_meta": asked.meta(after.as_deref()),
    })))
}

/// An entry.
fn shown(entry: &AuditEntry) -> Value {
    let (kind, id) = match &entry.by {
        Identity::System(part) => ("system", part.clone()),
        Identity::ApiKey(id) => ("api_key", id.to_string()),
        Identity::User(id) => ("user", id.to_string()),
    };
    let thing = &entry.target;
    json!({
        "id": entry.id,
        "occurred_at": entry.at,
        "action": entry.action,
        "actor": { "type": kind, "id": id },
        "target": { "type": thing.kind, "id": thing.id, "name": thing.name },
        "changes": entry.changes,
    })
}
