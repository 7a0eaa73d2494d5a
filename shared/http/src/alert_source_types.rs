//! The kinds of alert sources that there are: what each is, and how a customer sets its sender up.

use axum::{Json, routing};
use domain::access::Permission;
use serde_json::{Value, json};
use sources::{AlertSource, Class};

use crate::api::Answer;
use crate::auth::Caller;
use crate::operation::{Operation, Resource};

/// What can be done with them.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert source types",
    operations: &[Operation::get(
        "/v2/alert_source_types",
        "Lists the kinds of alert sources that there are, with what their senders need; this is ours",
        || routing::get(list),
    )
    .needs(Permission::SeeOnCall)
    .answers(200, "{alert_source_types*: [AlertSourceType]}")],
    shapes: &[(
        "AlertSourceType",
        "{source_type*: string, name*: string, class*: configurable|integration|native, set_up*: string, \
         needs_set_up*: boolean, has_address*: boolean, signature_headers*: [string], \
         variables*: [{reference*: string, label*: string}], example*: any, example_resolved*: any}",
    )],
};

async fn list(_: Caller) -> Answer<Json<Value>> {
    let kinds: Vec<Value> = sources::all().iter().map(|source| shown(*source)).collect();
    Ok(Json(json!({ "alert_source_types": kinds })))
}

/// A kind, in full; `{url}`, `{secret}` and `{email}` in what is set up stand for a source's own.
fn shown(source: &dyn AlertSource) -> Value {
    let class = match source.class() {
        Class::Configurable => "configurable",
        Class::Integration => "integration",
        Class::Native => "native",
    };
    let headers: Vec<&str> = source.signatures().iter().map(|signature| signature.header()).collect();
    let variables = source.scope();
    let variables = variables.iter().map(|one| json!({ "reference": one.reference, "label": one.label }));
    json!({
        "source_type": source.kind(),
        "name": source.name(),
        "class": class,
        "set_up": source.docs(),
        "needs_set_up": source.needs_setup(),
        "has_address": !source.is_found_by_its_secret(),
        "signature_headers": headers,
        "variables": variables.collect::<Vec<_>>(),
        "example": source.example(),
        "example_resolved": source.example_resolved(),
    })
}
