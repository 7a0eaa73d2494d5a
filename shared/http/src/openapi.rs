//! The API's description in OpenAPI, made from the operations of each resource and the types of their bodies.
//!
//! The functions serve the file `openapi.json`, which `cargo xtask readme` writes. A function that made the description
//! itself would hold every handler of the API.

#[cfg(feature = "description")]
mod write;

use axum::response::IntoResponse;
use axum::routing::get;
use domain::access::Permission;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::operation::{Needs, Operation, Resource};
use crate::{
    alert_routes, alert_source_types, alert_sources, alerts, compatible_apis, escalation_paths, escalations,
    incident_alerts, incident_updates, incidents, settings, source, users,
};

#[cfg(feature = "description")]
pub use write::{document, document_text};

/// Every resource, in the order of the description.
const RESOURCES: &[&Resource] = &[
    &source::RESOURCE,
    &compatible_apis::pagerduty::RESOURCE,
    &compatible_apis::opsgenie::RESOURCE,
    &alerts::RESOURCE,
    &incident_alerts::RESOURCE,
    &alert_sources::RESOURCE,
    &alert_source_types::RESOURCE,
    &alert_routes::RESOURCE,
    &incidents::RESOURCE,
    &incident_updates::RESOURCE,
    &escalations::RESOURCE,
    &escalation_paths::RESOURCE,
    &users::RESOURCE,
];

/// All resources of the API.
pub(crate) fn resources() -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter().chain(settings::RESOURCES).copied()
}

/// The description itself.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Description",
    operations: &[Operation::get("/v1/openapiV3.json", "Shows the OpenAPI description of this API", || {
        get(show)
    })
    .needs_a_key()
    .reply::<Value>(200)],
};

/// The description as it is served.
pub const DOCUMENT: &str = include_str!("openapi.json");

async fn show() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}

/// An operation and the access that it needs.
#[derive(Debug, Clone, Copy)]
pub struct OperationAccess {
    /// The HTTP method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// The permission; `None` if any API key, or the secret of an alert source, is enough.
    pub permission: Option<Permission>,
    /// Whether the operation checks the secret of an alert source and no API key.
    pub by_secret: bool,
}

/// Lists every operation with the access that it needs.
pub fn operations() -> impl Iterator<Item = OperationAccess> {
    let all = resources().flat_map(|resource| resource.operations);
    all.map(|one| {
        let permission = match one.needs {
            Needs::Permission(permission) => Some(permission),
            Needs::Undeclared | Needs::Key | Needs::Secret => None,
        };
        OperationAccess {
            method: one.method.into_str(),
            path: one.path,
            permission,
            by_secret: one.needs == Needs::Secret,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_declares_what_it_needs() {
        for one in resources().flat_map(|resource| resource.operations) {
            let at = format!("{} {}", one.method.into_str(), one.path);
            assert_ne!(
                one.needs,
                Needs::Undeclared,
                "`{at}` does not declare which permission it needs: add `.needs(…)`"
            );
        }
    }
}
