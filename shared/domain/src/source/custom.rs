//! Custom sources: which parts of a payload are the title, the status and the deduplication key.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::alert::AlertEvent;
use crate::expression::path::{ValuePath, follow};
use crate::expression::{Engine, ExpressionError, check_transform};
use crate::template::{Problem, text_of};

/// The mapping of a custom source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Custom {
    /// The path to the deduplication key.
    #[serde(default)]
    pub deduplication_key_path: String,
    /// The transform: an expression that gives an object, or an object of paths.
    #[serde(default)]
    pub transform_expression: String,
}

/// The fields that a transform may set, with their alternative names.
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

/// The result of a custom mapping.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MappedFields {
    /// The title.
    pub title: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The status word.
    pub status: Option<String>,
    /// The hash that identifies the group.
    pub deduplication_key: Option<String>,
    /// A link.
    pub source_url: Option<String>,
    /// The priority.
    pub priority: Option<String>,
    /// More values for bindings: they are added to the payload as `metadata`.
    pub metadata: Option<Map<String, Value>>,
}

/// The object of paths or texts; `None` if the transform is an expression.
fn paths(transform: &str) -> Option<Map<String, Value>> {
    let fields: Map<String, Value> = serde_json::from_str(transform).ok()?;
    fields.values().all(Value::is_string).then_some(fields)
}

/// The value of a path; a text that does not begin with `$` is taken literally.
fn at(payload: &Value, path: &str) -> Option<Value> {
    if !path.starts_with('$') {
        return Some(Value::String(path.to_owned()));
    }
    follow(payload, &ValuePath::of_source(path)?.steps).cloned()
}

impl Custom {
    /// Checks it before it is stored.
    ///
    /// # Errors
    /// [`ExpressionError`] with the field.
    pub fn check(&self) -> Result<(), ExpressionError> {
        let path = self.deduplication_key_path.trim();
        if !path.is_empty() && ValuePath::of_source(path).is_none() {
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
                    if path.starts_with('$') && ValuePath::of_source(path).is_none() {
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

    /// Maps an event.
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
        let path = ValuePath::of_source(&self.deduplication_key_path);
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
