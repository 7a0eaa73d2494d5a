//! Sources whose senders send anything: what of it is the title, the status, the deduplication key.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::alert::AlertEvent;
use crate::expression::path::{Path, follow};
use crate::expression::{Engine, ExpressionError, check_transform};
use crate::template::{Problem, text_of};

/// What a customer says of the senders' words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Custom {
    /// The path to what is the same in firing and resolved.
    #[serde(default)]
    pub deduplication_key_path: String,
    /// What gives the fields of the alert: an expression that gives an object, or an object of paths.
    #[serde(default)]
    pub transform_expression: String,
}

/// The fields that a transform may give, by all their names.
const FIELDS: &[&str] = &[
    "title",
    "description",
    "status",
    "deduplication_key",
    "source_url",
    "sourceURL",
    "priority",
    "metadata",
];

/// What came of a sender's words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MappedFields {
    /// The title.
    pub title: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The word that says whether it is over.
    pub status: Option<String>,
    /// What tells it from others.
    pub deduplication_key: Option<String>,
    /// A link.
    pub source_url: Option<String>,
    /// The priority.
    pub priority: Option<String>,
    /// More for bindings: it joins the payload as its `metadata`.
    pub metadata: Option<Map<String, Value>>,
}

/// An object whose values are all paths or texts; none if it is something to evaluate.
fn paths(transform: &str) -> Option<Map<String, Value>> {
    let fields: Map<String, Value> = serde_json::from_str(transform).ok()?;
    fields.values().all(Value::is_string).then_some(fields)
}

/// What a path leads to; a text that does not begin with `$` is itself.
fn at(payload: &Value, path: &str) -> Option<Value> {
    if !path.starts_with('$') {
        return Some(Value::String(path.to_owned()));
    }
    follow(payload, &Path::of_source(path)?.steps).cloned()
}

impl Custom {
    /// Says what is wrong with it before it is stored.
    ///
    /// # Errors
    /// [`ExpressionError`] with the field.
    pub fn check(&self) -> Result<(), ExpressionError> {
        let path = self.deduplication_key_path.trim();
        if !path.is_empty() && Path::of_source(path).is_none() {
            let reason =
                "this is not a valid path: write for example `$.alert_id` or `$.labels['host.name']`";
            return Err(ExpressionError::new("deduplication_key_path", reason));
        }
        let misfit = |reason: String| ExpressionError::new("transform_expression", reason);
        match paths(&self.transform_expression) {
            _ if self.transform_expression.trim().is_empty() => Ok(()),
            None => check_transform(&self.transform_expression).map_err(misfit),
            Some(fields) => {
                for (name, path) in &fields {
                    if !FIELDS.contains(&name.as_str()) {
                        return Err(misfit(format!(
                            "an alert does not have a field `{name}`; it has {}",
                            FIELDS.join(", ")
                        )));
                    }
                    let path = path.as_str().unwrap_or_default();
                    if path.starts_with('$') && Path::of_source(path).is_none() {
                        return Err(misfit(format!(
                            "`{}` is not a valid path",
                            crate::text::shorten(path, 60)
                        )));
                    }
                }
                Ok(())
            }
        }
    }

    /// What is to be made of an event.
    ///
    /// # Errors
    /// [`Problem`] if the transform fails, or gives no object.
    pub fn map(&self, event: &AlertEvent, payload: &Value) -> Result<MappedFields, Problem> {
        let mut fields = match paths(&self.transform_expression) {
            _ if self.transform_expression.trim().is_empty() => Map::new(),
            Some(paths) => {
                let found = |(name, path): (String, Value)| Some((name, at(payload, path.as_str()?)?));
                paths.into_iter().filter_map(found).collect()
            }
            None => {
                match Engine::new(event, payload).evaluate(&self.transform_expression, payload, Vec::new())? {
                    Value::Object(fields) => fields,
                    _ => return Err(Problem("the result is not an object".to_owned())),
                }
            }
        };
        let metadata = match fields.remove("metadata") {
            Some(Value::Object(metadata)) => Some(metadata),
            Some(_) | None => None,
        };
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| text_of(fields.get(*name)?));
            crate::text::present(found)
        };
        let path = Path::of_source(&self.deduplication_key_path);
        let key = path.and_then(|path| text_of(follow(payload, &path.steps)?));
        Ok(MappedFields {
            title: text(&["title"]),
            description: text(&["description"]),
            status: text(&["status"]),
            deduplication_key: crate::text::present(key).or_else(|| text(&["deduplication_key"])),
            source_url: text(&["source_url", "sourceURL"]),
            priority: text(&["priority"]),
            metadata,
        })
    }
}
