//! Bindings: a literal, something that the source parsed, or a path into the payload.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alert::AlertEvent;

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// The text itself.
    Literal(String),
    /// `alert.<field>` or `payload.<path>`.
    Reference(String),
}

/// A rule of our own that failed on an alert; the alert is handled without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Problem(pub String);

/// The deepest path into a payload.
const MOST_STEPS: usize = 32;

/// The fields of an alert that a binding may name.
pub const ALERT_FIELDS: &[&str] = &["title", "description", "source_url", "status", "priority"];

impl Binding {
    /// Says what is wrong with a binding before it is stored.
    ///
    /// # Errors
    /// [`Problem`] if no alert could ever resolve it.
    pub fn check(&self) -> Result<(), Problem> {
        let Self::Reference(reference) = self else { return Ok(()) };
        match reference.split_once('.') {
            Some(("alert", field)) if ALERT_FIELDS.contains(&field) => Ok(()),
            Some(("payload", path)) if !path.is_empty() && path.split('.').count() <= MOST_STEPS => Ok(()),
            _ => Err(Problem(format!(
                "`{reference}` is no reference: use `payload.<path>` or `alert.` with one of {}",
                ALERT_FIELDS.join(", ")
            ))),
        }
    }

    /// The text for this alert; none if the alert has nothing there.
    ///
    /// # Errors
    /// [`Problem`] if the reference makes no sense.
    pub fn resolve(&self, event: &AlertEvent, payload: &Value) -> Result<Option<String>, Problem> {
        self.check()?;
        let reference = match self {
            Self::Literal(text) => return Ok(Some(text.clone())),
            Self::Reference(reference) => reference,
        };
        let found = match reference.split_once('.') {
            Some(("alert", field)) => match field {
                "title" => Some(event.title.clone()),
                "description" => event.description.clone(),
                "source_url" => event.source_url.clone(),
                "status" => Some(event.status.name().to_owned()),
                "priority" => event.priority.clone(),
                _ => None,
            },
            Some((_, path)) => follow(payload, path).and_then(text_of),
            None => None,
        };
        Ok(crate::text::present(found))
    }
}

impl Binding {
    /// Every text for this alert: of a list in the payload each element, else the one that there is.
    ///
    /// # Errors
    /// [`Problem`] if the reference makes no sense.
    pub fn resolve_all(&self, event: &AlertEvent, payload: &Value) -> Result<Vec<String>, Problem> {
        if let Self::Reference(reference) = self
            && let Some(("payload", path)) = reference.split_once('.')
            && let Some(Value::Array(elements)) = follow(payload, path)
        {
            self.check()?;
            let texts = elements.iter().filter_map(text_of).map(Some);
            return Ok(texts.filter_map(crate::text::present).collect());
        }
        Ok(self.resolve(event, payload)?.into_iter().collect())
    }
}

/// Follows a path; a step into an array is an index.
fn follow<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |at, step| match at {
        Value::Object(fields) => fields.get(step),
        Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// The text of a value: a string as it is, nothing for null, JSON for the rest.
fn text_of(value: &Value) -> Option<String> {
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
    use crate::alert::AlertStatus;

    #[test]
    fn references_find_texts_or_nothing() {
        let payload = json!({"labels": {"host": "db1", "cpu": 97, "none": null}, "list": [{"a": "x"}]});
        let event = AlertEvent {
            status: AlertStatus::Firing,
            deduplication_key: "k".to_owned(),
            title: "Disk full".to_owned(),
            description: None,
            source_url: None,
            priority: Some("critical".to_owned()),
            occurred_at: None,
            payload: serde_json::value::to_raw_value(&payload).unwrap(),
        };
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
