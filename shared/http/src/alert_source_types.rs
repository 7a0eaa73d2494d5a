//! The kinds of alert sources, with the instructions for their senders.

use axum::{Json, routing};
use domain::access::Permission;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sources::AlertSource;

use crate::api::ApiResult;
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
    .reply::<AlertSourceTypeListReply>(200)],
};

/// A reply with all kinds of alert sources.
#[derive(Serialize, JsonSchema)]
struct AlertSourceTypeListReply {
    alert_source_types: Vec<AlertSourceTypeView>,
}

/// A kind of alert source.
#[derive(Serialize, JsonSchema)]
struct AlertSourceTypeView {
    /// The name for programs, as `http`.
    source_type: &'static str,
    /// The name for people.
    name: &'static str,
    /// The instructions for the sender. `{url}`, `{secret}` and `{email}` stand for the values of an alert source.
    set_up: &'static str,
    /// Whether each alert source has an address of its own.
    has_address: bool,
    /// The headers in which senders sign their deliveries.
    signature_headers: Vec<&'static str>,
    /// The references that bindings can use.
    variables: Vec<VariableView>,
    /// A payload that fires an alert.
    example: Value,
    /// A payload that resolves the alert.
    example_resolved: Value,
}

/// A reference that bindings can use.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct VariableView {
    /// Where the value is found.
    reference: String,
    /// The name for people.
    label: String,
}

impl From<&dyn AlertSource> for AlertSourceTypeView {
    fn from(source: &dyn AlertSource) -> Self {
        let variable = |variable: &sources::scope::Variable| VariableView {
            reference: variable.reference.to_owned(),
            label: variable.label.to_owned(),
        };
        Self {
            source_type: source.kind(),
            name: source.name(),
            set_up: source.docs(),
            has_address: !source.is_found_by_secret(),
            signature_headers: source.signatures().iter().map(|signature| signature.header()).collect(),
            variables: source.scope().iter().map(variable).collect(),
            example: source.example(),
            example_resolved: source.example_resolved(),
        }
    }
}

async fn list(_: Caller) -> ApiResult<Json<AlertSourceTypeListReply>> {
    let alert_source_types = sources::all().iter().map(|source| (*source).into()).collect();
    Ok(Json(AlertSourceTypeListReply { alert_source_types }))
}
