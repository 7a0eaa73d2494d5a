//! Writes the description.

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use super::resources;
use crate::error::ErrorBody;
use crate::operation::{Needs, Operation, Resource};
use crate::schema::BodySchema;

/// Where the named schemas stand.
const NAMED: &str = "#/components/schemas/";

/// Writes the schemas of bodies and collects those with a name.
struct Schemas {
    requests: SchemaGenerator,
    replies: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::openapi3;
        Self {
            requests: settings().for_deserialize().into_generator(),
            replies: settings().for_serialize().into_generator(),
        }
    }

    /// The schema of a request body.
    fn request(&mut self, body: BodySchema) -> Value {
        named_plainly(written(&mut self.requests, body))
    }

    /// The schema of a reply. A reply leaves out a field that has no value, so that none of them is null.
    fn reply(&mut self, body: BodySchema) -> Value {
        without_null(named_plainly(written(&mut self.replies, body)))
    }

    /// The schemas with a name.
    fn named(mut self) -> BTreeMap<String, Value> {
        let name = |name: String| name.strip_suffix("View").map(str::to_owned).unwrap_or(name);
        let requests = self.requests.take_definitions(true).into_iter();
        let requests = requests.map(|(key, schema)| (name(key), named_plainly(schema)));
        let replies = self.replies.take_definitions(true).into_iter();
        let replies = replies.map(|(key, schema)| (name(key), without_null(named_plainly(schema))));
        let mut all: BTreeMap<String, Value> = BTreeMap::new();
        for (key, schema) in requests.chain(replies) {
            let before = all.insert(key.clone(), schema.clone());
            assert!(
                before.is_none_or(|before| before == schema),
                "two types are described as `{key}`: give one of them another name"
            );
        }
        all
    }
}

/// Writes a schema as OpenAPI 3.0 has it.
fn written(generator: &mut SchemaGenerator, body: BodySchema) -> Value {
    let mut schema: Schema = (body.write)(generator);
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    schema.to_value()
}

/// Removes the ending `View` from the names of types.
fn named_plainly(schema: Value) -> Value {
    match schema {
        Value::String(text) if text.starts_with(NAMED) => {
            text.strip_suffix("View").map(str::to_owned).unwrap_or(text).into()
        }
        Value::Array(items) => items.into_iter().map(named_plainly).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, named_plainly(value))).collect())
        }
        other => other,
    }
}

/// Removes null from the values that a schema allows. A property that could be null is not required.
fn without_null(schema: Value) -> Value {
    match schema {
        Value::Array(items) => items.into_iter().map(without_null).collect(),
        Value::Object(mut fields) => {
            let nullable = fields.get("properties").map(nullable_properties).unwrap_or_default();
            if let Some(Value::Array(required)) = fields.get_mut("required") {
                required.retain(|name| name.as_str().is_none_or(|name| !nullable.contains(name)));
            }
            fields.remove("nullable");
            if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
                choices.retain(|choice| choice["enum"] != json!([null]));
                if let [only] = choices.as_slice()
                    && let Value::Object(only) = only.clone()
                {
                    fields.remove("anyOf");
                    // A reference stands alone.
                    fields.retain(|_, _| !only.contains_key("$ref"));
                    fields.extend(only);
                }
            }
            Value::Object(fields.into_iter().map(|(name, value)| (name, without_null(value))).collect())
        }
        other => other,
    }
}

/// The names of the properties that could be null.
fn nullable_properties(properties: &Value) -> BTreeSet<String> {
    let is_nullable = |schema: &Value| {
        let choices = schema["anyOf"].as_array().into_iter().flatten();
        schema["nullable"] == true || choices.clone().any(|choice| choice["nullable"] == true)
    };
    let properties = properties.as_object().into_iter().flatten();
    properties.filter(|(_, schema)| is_nullable(schema)).map(|(name, _)| name.clone()).collect()
}

/// The names in braces in a path.
fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The method of an operation as a description writes it.
fn method(operation: &Operation) -> String {
    operation.method.into_str().to_lowercase()
}

/// A name for an operation that no other has: its method and its path.
fn name_of(operation: &Operation) -> String {
    let words = operation.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty());
    words.fold(method(operation), |name, word| format!("{name}_{word}"))
}

/// Describes one operation.
fn operation(schemas: &mut Schemas, resource: &Resource, one: &Operation) -> Value {
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
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let mut success = json!({ "description": "Success" });
    if let Some(reply) = one.reply {
        success["content"] = content(schemas.reply(reply));
    }
    let mut described = json!({
        "operationId": name_of(one),
        "summary": one.summary,
        "tags": [resource.name],
        "parameters": parameters,
        "responses": {
            one.status.to_string(): success,
            "default": { "$ref": "#/components/responses/Error" },
        },
    });
    if let Some(error) = one.error {
        described["responses"]["default"] =
            json!({ "description": "Error", "content": content(schemas.reply(error)) });
    }
    match one.needs {
        Needs::Permission(permission) => {
            described["description"] = format!("Needs the permission to {}.", permission.what()).into();
        }
        // Some senders send the secret elsewhere, or none at all.
        Needs::Secret => described["security"] = json!([{ "secret": [] }, {}]),
        Needs::Undeclared | Needs::Key => {}
    }
    if let Some(body) = one.body {
        described["requestBody"] = json!({ "required": true, "content": content(schemas.request(body)) });
    }
    described
}

/// The description of the security scheme of operations for senders.
const SECRET: &str = "The secret of an alert source. Depending on the source type, the sender can also sign the request, \
    or send the secret in the query parameter `token`, in the body, or as a `GenieKey`.";

/// Describes the whole API.
///
/// # Panics
/// If two types would be described under one name.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for resource in resources() {
        for one in resource.operations {
            let described = operation(&mut schemas, resource, one);
            paths.entry(one.path).or_default().insert(method(one), described);
        }
    }
    let error = schemas.reply(BodySchema::named::<ErrorBody>());
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Firebell",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Alerts, escalations and incidents. A reply may hold more fields than its schema lists.",
        },
        "security": [{ "key": [] }],
        "tags": resources().map(|resource| json!({ "name": resource.name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key." },
                "secret": { "type": "http", "scheme": "bearer", "description": SECRET },
            },
            "schemas": schemas.named(),
            "responses": {
                "Error": {
                    "description": "The request was refused, or it failed. The status says which",
                    "content": { "application/json": { "schema": error } },
                },
            },
        },
    })
}

/// The description as the file `openapi.json` holds it: each value on a line of its own, with little indentation, because a
/// function holds the whole file.
///
/// # Panics
/// If two types would be described under one name.
pub fn document_text() -> String {
    let mut text = Vec::new();
    let format = PrettyFormatter::with_indent(b" ");
    let written = document().serialize(&mut Serializer::with_formatter(&mut text, format));
    written.expect("a JSON value can be written");
    text.push(b'\n');
    String::from_utf8(text).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_schema_is_used_and_every_used_name_is_described() {
        let document = document();
        let named = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();

        for name in named.keys() {
            assert!(text.contains(&format!("\"{NAMED}{name}\"")), "`{name}` is described and not used");
        }
        for part in text.split(NAMED).skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(named.contains_key(name), "`{name}` is used and not described");
        }
    }

    #[test]
    fn reply_that_may_lack_a_field_does_not_say_null() {
        let schema = json!({
            "required": ["a", "b", "c"],
            "properties": {
                "a": { "type": "string", "nullable": true },
                "b": { "anyOf": [{ "$ref": "#/components/schemas/B" }, { "enum": [null], "nullable": true }] },
                "c": { "type": "string" },
            },
        });

        assert_eq!(
            without_null(schema),
            json!({
                "required": ["c"],
                "properties": {
                    "a": { "type": "string" },
                    "b": { "$ref": "#/components/schemas/B" },
                    "c": { "type": "string" },
                },
            })
        );
    }
}
