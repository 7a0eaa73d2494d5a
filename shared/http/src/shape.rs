//! Shapes: how an operation's bodies are described, in one line each.
//!
//! `{name*: string, rank: integer}` is an object whose `name` is needed; `[string]` is a list, `a|b` a choice of words,
//! `Severity` a shape that has a name of its own; `id`, `time`, `string`, `integer`, `number`, `boolean` and `any` are what they
//! say. An object may hold more than is said of it.

use serde_json::{Map, Value, json};

/// Where the shapes stand that have a name.
const NAMED: &str = "#/components/schemas/";

/// Writes a shape as a JSON schema.
///
/// # Panics
/// If the shape cannot be read: a test writes all of them.
pub(crate) fn schema(shape: &str) -> Value {
    let mut rest = shape;
    let schema = value(&mut rest);
    assert!(rest.trim().is_empty(), "`{rest}` is left over in `{shape}`");
    schema
}

/// Takes a sign, if it is next.
fn take(rest: &mut &str, sign: char) -> bool {
    match rest.trim_start().strip_prefix(sign) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

/// Takes a word.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    let begin = rest.trim_start();
    let ends = |c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c));
    let (word, after) = begin.split_at(begin.find(ends).unwrap_or(begin.len()));
    *rest = after;
    word
}

/// Reads one shape.
fn value(rest: &mut &str) -> Value {
    if take(rest, '[') {
        let items = value(rest);
        assert!(take(rest, ']'), "a list ends with `]`, not with `{rest}`");
        return json!({ "type": "array", "items": items });
    }
    if take(rest, '{') {
        return object(rest);
    }
    let mut words = vec![word(rest)];
    while take(rest, '|') {
        words.push(word(rest));
    }
    match words.as_slice() {
        ["string"] => json!({ "type": "string" }),
        ["id"] => json!({ "type": "string", "minLength": 1 }),
        ["time"] => json!({ "type": "string", "format": "date-time" }),
        ["integer"] => json!({ "type": "integer", "format": "int64" }),
        ["number"] => json!({ "type": "number" }),
        ["boolean"] => json!({ "type": "boolean" }),
        ["any"] => json!({}),
        [name] if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
            json!({ "$ref": format!("{NAMED}{name}") })
        }
        words => json!({ "type": "string", "enum": words }),
    }
}

/// Reads the fields of an object.
fn object(rest: &mut &str) -> Value {
    let (mut fields, mut needed) = (Map::new(), Vec::new());
    while !take(rest, '}') {
        let name = word(rest);
        assert!(!name.is_empty(), "a field's name is expected, not `{rest}`");
        if take(rest, '*') {
            needed.push(name);
        }
        assert!(take(rest, ':'), "`{name}` is followed by `:`, not by `{rest}`");
        fields.insert(name.to_owned(), value(rest));
        take(rest, ',');
    }
    let mut object = json!({ "type": "object", "properties": fields });
    if !needed.is_empty() {
        object["required"] = json!(needed);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_written_as_schemas() {
        assert_eq!(schema("[string]"), json!({ "type": "array", "items": { "type": "string" } }));
        assert_eq!(schema("a|b"), json!({ "type": "string", "enum": ["a", "b"] }));
        assert_eq!(
            schema("{ one*: {two: integer}, three: Named }"),
            json!({
                "type": "object",
                "required": ["one"],
                "properties": {
                    "one": {
                        "type": "object",
                        "properties": { "two": { "type": "integer", "format": "int64" } },
                    },
                    "three": { "$ref": "#/components/schemas/Named" },
                },
            })
        );
    }

    #[test]
    #[should_panic(expected = "is left over")]
    fn shape_with_something_left_over_is_refused() {
        schema("string }");
    }
}
