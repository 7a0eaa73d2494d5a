//! The kinds of alert sources, with the instructions for setting up their senders.

use axum::{Json, routing};
use domain::access::Permission;
use serde_json::{Value, json};
use sources::AlertSource;

use crate::api::Answer;
use crate::auth::Caller;
use crate::operation::{Operation, Resource};

/// The operations on kinds of alert sources.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert source types",
    operations: &[Operation::get(
        "/v2/alert_source_types",
        "Lists the kinds of alert sources, with the instructions for their senders (Firebell extension)",
        || routing::get(list),
    )
    .needs(Permission::SeeOnCall)
    .answers(200, "{alert_source_types*: [AlertSourceType]}")],
    shapes: &[(
        "AlertSourceType",
        "{source_type*: string, name*: string, set_up*: string, has_address*: boolean, signature_headers*: [string], \
         variables*: [{reference*: string, label*: string}], example*: any, example_resolved*: any}",
    )],
};

async fn list(_: Caller) -> Answer<Json<Value>> {
    let kinds: Vec<Value> = sources::all().iter().map(|source| shown(*source)).collect();
    Ok(Json(json!({ "alert_source_types": kinds })))
}

/// A kind in a response. In its instructions, `{url}`, `{secret}` and `{email}` stand for the values of a source.
fn shown(source: &dyn AlertSource) -> Value {
    let headers: Vec<&str> = source.signatures().iter().map(|signature| signature.header()).collect();
    let variables = source.scope();
    let variables = variables.iter().map(|one| json!({ "reference": one.reference, "label": one.label }));
    json!({
        "source_type": source.kind(),
        "name": source.name(),
        "set_up": source.docs(),
        "has_address": !source.is_found_by_secret(),
        "signature_headers": headers,
        "variables": variables.collect::<Vec<_>>(),
        "example": source.example(),
        "example_resolved": source.example_resolved(),
    })
}
