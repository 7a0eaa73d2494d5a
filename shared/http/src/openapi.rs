//! The API's own description, made of what its resources say of themselves.
//!
//! What is served is the file `openapi.json`, written by `cargo xtask readme`: a function that made it itself would hold
//! every handler of the API.

use std::collections::BTreeMap;

use axum::response::IntoResponse;
use axum::routing::get;
use domain::access::Permission;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use crate::operation::{Method, Needs, Operation, Resource};
use crate::shape::schema;
use crate::{
    alert_attributes, alert_routes, alert_source_types, alert_sources, alerts, api_keys, audit_logs,
    compatible_apis, escalation_paths, escalations, incident_alerts, incident_roles, incident_statuses,
    incident_timestamps, incident_types, incident_updates, incidents, settings, severities, source, users,
};

/// Every resource that there is, in the order in which they are described.
pub(crate) const RESOURCES: &[&Resource] = &[
    &source::RESOURCE,
    &compatible_apis::pagerduty::RESOURCE,
    &compatible_apis::opsgenie::RESOURCE,
    &alerts::RESOURCE,
    &incident_alerts::RESOURCE,
    &alert_sources::RESOURCE,
    &alert_source_types::RESOURCE,
    &alert_routes::RESOURCE,
    &alert_attributes::RESOURCE,
    &incidents::RESOURCE,
    &incident_updates::RESOURCE,
    &severities::RESOURCE,
    &incident_statuses::RESOURCE,
    &incident_types::RESOURCE,
    &incident_roles::RESOURCE,
    &incident_timestamps::RESOURCE,
    &escalations::RESOURCE,
    &escalation_paths::RESOURCE,
    &users::RESOURCE,
    &api_keys::RESOURCE,
    &audit_logs::RESOURCE,
    &settings::RESOURCE,
    &RESOURCE,
];

/// The description itself.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Description",
    operations: &[Operation::get("/v1/openapiV3.json", "Describes this API", || get(show))
        .needs_a_key()
        .answers(200, "any")],
    shapes: &[
        ("Pagination", "{page_size*: integer, after: id}"),
        (
            "Actor",
            "{user: User, api_key: {id*: id, name*: string}, alert: {id*: id, title*: string}, \
             workflow: {id*: id, name*: string}}",
        ),
        ("Binding", "{literal: string, reference: string}"),
        (
            "Refusal",
            "{type*: string, status*: integer, request_id*: string, errors*: [{code*: string, message*: string, \
             source: {field*: string, pointer*: string}}], rate_limit: {name*: string, limit*: integer, \
             remaining*: integer, retry_after*: time}}",
        ),
    ],
};

/// The description as it is served.
pub const DOCUMENT: &str = include_str!("openapi.json");

async fn show() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}

/// The name of a method in a description.
const fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Delete => "delete",
    }
}

/// The names in braces in a path.
fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// A name for an operation that no other has: its method and its path.
fn name_of(operation: &Operation) -> String {
    let words = operation.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty());
    words.fold(method(operation.method).to_owned(), |name, word| format!("{name}_{word}"))
}

/// Describes one operation.
fn operation(resource: &Resource, one: &Operation) -> Value {
    let string = json!({ "type": "string" });
    let mut parameters: Vec<Value> = placeholders(one.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": string }))
        .collect();
    parameters.extend(one.query.iter().map(|(name, meaning)| {
        let plain = name.trim_end_matches('*');
        json!({
            "name": plain,
            "in": "query",
            "required": plain != *name,
            "description": meaning,
            "schema": string,
        })
    }));
    let content = |shape: &str| json!({ "application/json": { "schema": schema(shape) } });
    let mut success = json!({ "description": "Done" });
    if let Some(shape) = one.answer {
        success["content"] = content(shape);
    }
    let mut described = json!({
        "operationId": name_of(one),
        "summary": one.summary,
        "tags": [resource.name],
        "parameters": parameters,
        "responses": {
            one.status.to_string(): success,
            "default": { "$ref": "#/components/responses/Refusal" },
        },
    });
    if let Some(shape) = one.refusal {
        described["responses"]["default"] = json!({ "description": "Refused", "content": content(shape) });
    }
    if let Needs::Permission(permission) = one.needs {
        described["description"] = format!("Needs the permission to {}", permission.what()).into();
    }
    if let Some(shape) = one.body {
        described["requestBody"] = json!({ "required": true, "content": content(shape) });
    }
    described
}

/// An operation, and what it needs.
#[derive(Debug, Clone, Copy)]
pub struct Guarded {
    /// Its method.
    pub method: &'static str,
    /// Its path.
    pub path: &'static str,
    /// The permission that it needs; none, if any key or the secret of a source does.
    pub permission: Option<Permission>,
    /// Whether the secret of a source is asked for, and no key.
    pub by_secret: bool,
}

/// Every operation that there is.
pub fn operations() -> impl Iterator<Item = Guarded> {
    let all = RESOURCES.iter().flat_map(|resource| resource.operations);
    all.map(|one| {
        let permission = match one.needs {
            Needs::Permission(permission) => Some(permission),
            Needs::Unsaid | Needs::Key | Needs::Secret => None,
        };
        let method = match one.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        };
        Guarded { method, path: one.path, permission, by_secret: one.needs == Needs::Secret }
    })
}

/// Describes the whole API.
pub fn document() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut shapes: BTreeMap<&str, Value> = BTreeMap::new();
    for resource in RESOURCES {
        shapes.extend(resource.shapes.iter().map(|(name, shape)| (*name, schema(shape))));
        for one in resource.operations {
            let at = paths.entry(one.path).or_default();
            at.insert(method(one.method).to_owned(), operation(resource, one));
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Firebell",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Alerts, escalations and incidents. What is described may hold more than is said of it.",
        },
        "security": [{ "key": [] }],
        "tags": RESOURCES.iter().map(|resource| json!({ "name": resource.name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "schemas": shapes,
            "responses": {
                "Refusal": {
                    "description": "Refused, or it could not be done now: the status says which",
                    "content": { "application/json": { "schema": schema("Refusal") } },
                },
            },
        },
    })
}

/// The description as it is written down.
///
/// # Panics
/// Never: it is a plain value.
pub fn document_text() -> String {
    serde_json::to_string_pretty(&document()).expect("it is a plain value") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_that_is_served_is_the_one_that_is_made() {
        let made = document_text();
        let differs = DOCUMENT.lines().zip(made.lines()).find(|(served, made)| served != made);
        assert_eq!(differs, None, "run `cargo xtask readme` and look at what changes in openapi.json");
        assert_eq!(DOCUMENT.len(), made.len());
    }

    #[test]
    fn every_operation_says_what_it_needs() {
        for one in RESOURCES.iter().flat_map(|resource| resource.operations) {
            let at = format!("{} {}", method(one.method), one.path);
            assert_ne!(
                one.needs,
                Needs::Unsaid,
                "`{at}` does not say which permission it needs: add `.needs(…)`"
            );
        }
    }

    #[test]
    fn every_shape_that_is_named_is_described_once() {
        let text = document().to_string();
        let names: Vec<&str> =
            RESOURCES.iter().flat_map(|resource| resource.shapes).map(|(name, _)| *name).collect();

        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "`{name}` is described twice");
        }
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(names.contains(&name), "`{name}` is named and not described");
        }
    }
}
