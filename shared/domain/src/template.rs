//! Bindings: a literal, a field of the alert, a path into the payload, or an expression.

pub(crate) mod document;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alert::AlertEvent;
use crate::expression::path::{PathStep, ValuePath};
use crate::expression::{ExpressionError, Expressions, check_template};

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// The text itself.
    Literal(String),
    /// `alert.<field>`, `payload.<path>`, or `expressions["<reference>"]`.
    Reference(String),
    /// A template with `{{ … }}`, or a rich text.
    Template(String),
}

/// A problem with the organisation's own rules. The alert is handled without the rule that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Problem(pub String);

/// The fields of an alert that a binding may name.
pub const ALERT_FIELDS: &[&str] = &["title", "description", "source_url", "status", "priority"];

impl Binding {
    /// A text from a customer: a template or a literal.
    pub fn text(text: String) -> Self {
        if text.contains("{{") || document::read(&text).is_some() {
            Self::Template(text)
        } else {
            Self::Literal(text)
        }
    }

    /// Checks a binding before it is stored, where there are no expressions.
    ///
    /// # Errors
    /// [`Problem`] if no alert could ever resolve it.
    pub fn check(&self) -> Result<(), Problem> {
        let reference = match self {
            Self::Literal(_) => return Ok(()),
            Self::Template(text) => return Ok(self.check_text(text)?),
            Self::Reference(reference) => reference,
        };
        match ValuePath::of_reference(reference).as_ref().and_then(ValuePath::split) {
            Some(("alert", [PathStep::Name(field)])) if ALERT_FIELDS.contains(&field.as_str()) => Ok(()),
            Some(("payload", steps)) if !steps.is_empty() => Ok(()),
            _ => Err(Problem(format!(
                "`{reference}` is not a valid reference: use `payload.<path>` or `alert.` with one of {}",
                ALERT_FIELDS.join(", ")
            ))),
        }
    }

    /// Checks a template text.
    pub(crate) fn check_text(&self, text: &str) -> Result<(), ExpressionError> {
        match document::read(text) {
            Some(_) => Ok(()),
            None => check_template(text),
        }
    }

    /// The text for this alert, without expressions; `None` if the alert has no value.
    ///
    /// # Errors
    /// [`Problem`] if the reference makes no sense.
    pub fn resolve(&self, event: &AlertEvent, payload: &Value) -> Result<Option<String>, Problem> {
        self.check()?;
        self.resolve_in(&Expressions::new(&[], event, payload))
    }

    /// Every text for this alert, without expressions: each element of a list in the payload, or the single value.
    ///
    /// # Errors
    /// [`Problem`] if the reference makes no sense.
    pub fn resolve_all(&self, event: &AlertEvent, payload: &Value) -> Result<Vec<String>, Problem> {
        self.check()?;
        self.resolve_all_in(&Expressions::new(&[], event, payload))
    }

    /// The text for an alert with expressions; `None` if the alert has no value.
    ///
    /// # Errors
    /// [`Problem`] if the reference makes no sense, or the text cannot be filled in.
    pub fn resolve_in(&self, expressions: &Expressions<'_>) -> Result<Option<String>, Problem> {
        let found = match self {
            Self::Literal(text) => return Ok(Some(text.clone())),
            Self::Template(text) => Some(expressions.fill_in(text)?),
            Self::Reference(reference) => text_of(&*expressions.lookup(reference)?),
        };
        Ok(crate::text::present(found))
    }

    /// Every text for an alert with expressions.
    ///
    /// # Errors
    /// [`Problem`] if the reference makes no sense, or the text cannot be filled in.
    pub fn resolve_all_in(&self, expressions: &Expressions<'_>) -> Result<Vec<String>, Problem> {
        if let Self::Reference(reference) = self
            && let Value::Array(elements) = &*expressions.lookup(reference)?
        {
            let texts = elements.iter().filter_map(text_of).map(Some);
            return Ok(texts.filter_map(crate::text::present).collect());
        }
        Ok(self.resolve_in(expressions)?.into_iter().collect())
    }
}

/// A field of an alert, by its name in bindings.
pub(crate) fn alert_field(event: &AlertEvent, field: &str) -> Option<String> {
    match field {
        "title" => Some(event.title.clone()),
        "description" => event.description.clone(),
        "source_url" => event.source_url.clone(),
        "status" => Some(event.status.name().to_owned()),
        "priority" => event.priority.clone(),
        _ => None,
    }
}

/// The text of a value: a string as it is, nothing for null, JSON for the rest.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_find_texts_or_nothing() {
        let payload = json!({"labels": {"host": "db1", "cpu": 97, "none": null}, "list": [{"a": "x"}]});
        let event = AlertEvent::example(&payload);
        let cases = [
            ("alert.title", Some("Disk full")),
            ("alert.description", None),
            ("alert.priority", Some("critical")),
            ("alert.status", Some("firing")),
            ("payload.labels.host", Some("db1")),
            ("payload.labels.cpu", Some("97")),
            ("payload.labels.none", None),
            ("payload.list.0.a", Some("x")),
            ("payload.list.7.a", None),
            ("payload.labels.host.deeper", None),
        ];
        for (reference, expected) in cases {
            let found = Binding::Reference(reference.to_owned()).resolve(&event, &payload).unwrap();
            assert_eq!(found.as_deref(), expected, "{reference}");
        }
        for reference in ["alert.secret", "payload", "payload.", "x.y", ""] {
            assert!(Binding::Reference(reference.to_owned()).check().is_err(), "{reference}");
        }
    }
}
