//! Rich texts: an export of another product writes literals as documents of paragraphs with variables.

use serde_json::Value;

use super::ALERT_FIELDS;

/// Parses a literal as a document; `None` if it is a plain text.
pub(crate) fn read(literal: &str) -> Option<Value> {
    if !literal.trim_start().starts_with('{') {
        return None;
    }
    let document: Value = serde_json::from_str(literal).ok()?;
    let is_one = document["type"] == "doc" && document["content"].is_array();
    is_one.then_some(document)
}

/// The text of a document, with the values of its variables.
pub(crate) fn fill_in(document: &Value, find: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::new();
    write(document, &find, &mut text);
    text.trim_end().to_owned()
}

/// Writes a node and what is in it.
fn write(node: &Value, find: &impl Fn(&str) -> Option<String>, text: &mut String) {
    match node["type"].as_str() {
        Some("text") => text.push_str(node["text"].as_str().unwrap_or_default()),
        Some("varSpec") => {
            let name = node["attrs"]["name"].as_str().unwrap_or_default();
            text.push_str(&find(&reference(name)).unwrap_or_default());
        }
        Some("hardBreak") => text.push('\n'),
        kind => {
            for inner in node["content"].as_array().into_iter().flatten() {
                write(inner, find, text);
            }
            let ends_a_line = matches!(kind, Some("paragraph" | "heading" | "codeBlock"));
            if ends_a_line && !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
        }
    }
}

/// The reference of a variable. Fields of the alert and of the payload may be named without a prefix.
fn reference(name: &str) -> String {
    let said = ["alert.", "payload.", "payload[", "expressions[", "expressions."];
    match name {
        name if said.iter().any(|start| name.starts_with(start)) => name.to_owned(),
        name if ALERT_FIELDS.contains(&name) => format!("alert.{name}"),
        name => format!("payload.{name}"),
    }
}

/// The references of a document's variables.
pub(crate) fn references(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut nodes = vec![document];
    while let Some(node) = nodes.pop() {
        if node["type"] == "varSpec" {
            found.push(reference(node["attrs"]["name"].as_str().unwrap_or_default()));
        }
        nodes.extend(node["content"].as_array().into_iter().flatten());
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn document_is_its_text_with_its_places_filled() {
        let place =
            |name: &str| json!({"type": "varSpec", "attrs": {"label": "x", "missing": false, "name": name}});
        let document = json!({"type": "doc", "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": "On "}, place("payload.host"), place("title")]},
            {"type": "paragraph", "content": [place("labels.team"), {"type": "hardBreak"},
                place("expressions[\"a\"]"), place("alert.priority")]},
        ]});

        let read = read(&document.to_string()).unwrap();
        let text = fill_in(&read, |reference| Some(format!("<{reference}>")));

        assert_eq!(
            text,
            "On <payload.host><alert.title>\n<payload.labels.team>\n<expressions[\"a\"]><alert.priority>"
        );
        assert_eq!(references(&read).len(), 5);
    }

    #[test]
    fn what_only_looks_like_a_document_is_a_text() {
        for text in ["", "{", "{}", "{\"type\":\"doc\"}", "[]", "plain"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
