//! Bindings and conditions: the bodies in which clients send them, what is evaluated, and the labels that replies add.

use domain::condition::{Condition, ConditionGroup, Test};
use domain::template::Binding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::ApiError;
use crate::api::{ApiResult, clip};

/// A value: a literal or a reference, not both.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct BindingPayload {
    /// The value itself. In a title or a description it may hold references in double braces.
    literal: Option<String>,
    /// Where the value is found, as `alert.title`.
    reference: Option<String>,
}

impl BindingPayload {
    /// The binding. An empty text beside the other field counts as absent.
    ///
    /// # Errors
    /// [`ApiError`] if both or neither are given.
    pub(crate) fn binding(self, field: &str) -> ApiResult<Binding> {
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        match (filled(&self.literal), filled(&self.reference), self) {
            (true, true, _) => Err(ApiError::invalid(field, "Send `literal` or `reference`, not both")),
            (_, false, Self { literal: Some(literal), .. }) => Ok(Binding::Literal(literal)),
            (_, _, Self { reference: Some(reference), .. }) => Ok(Binding::Reference(reference)),
            (_, _, Self { literal: _, reference: None }) => {
                Err(ApiError::required(&format!("{field}.literal")))
            }
        }
    }

    /// The binding of a text, whose literal may hold references.
    ///
    /// # Errors
    /// [`ApiError`] if both or neither are given.
    pub(crate) fn text(self, field: &str) -> ApiResult<Binding> {
        Ok(match self.binding(field)? {
            Binding::Literal(text) => Binding::text(text),
            other @ (Binding::Reference(_) | Binding::Template(_)) => other,
        })
    }

    /// The literal.
    ///
    /// # Errors
    /// [`ApiError`] if the binding is a reference, which cannot be evaluated here.
    pub(crate) fn literal(self, field: &str) -> ApiResult<String> {
        match self.binding(field)? {
            Binding::Literal(text) | Binding::Template(text) => Ok(text),
            Binding::Reference(_) => {
                let field = format!("{field}.reference");
                Err(ApiError::invalid(field, "References are not supported here yet: use `literal`"))
            }
        }
    }
}

/// One value or several.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub(crate) struct ValuesPayload {
    /// The only value.
    value: Option<BindingPayload>,
    /// Several values.
    array_value: Option<Vec<BindingPayload>>,
}

impl ValuesPayload {
    /// The only binding; `None` if there is no value.
    ///
    /// # Errors
    /// [`ApiError`] if there are several values.
    pub(crate) fn one(self, field: &str) -> ApiResult<Option<Binding>> {
        if self.array_value.is_some_and(|values| !values.is_empty()) {
            return Err(ApiError::invalid(
                format!("{field}.array_value"),
                "Only one value is allowed here: use `value`",
            ));
        }
        self.value.map(|value| value.binding(&format!("{field}.value"))).transpose()
    }

    /// All bindings: the only one, or each of several.
    ///
    /// # Errors
    /// [`ApiError`] if a binding is invalid, or both fields are given.
    pub(crate) fn all(self, field: &str) -> ApiResult<Vec<Binding>> {
        let several = self.array_value.filter(|values| !values.is_empty());
        match (self.value, several) {
            (Some(_), Some(_)) => Err(ApiError::invalid(field, "Send `value` or `array_value`, not both")),
            (Some(value), None) => Ok(vec![value.binding(&format!("{field}.value"))?]),
            (None, several) => {
                let several = several.unwrap_or_default().into_iter().enumerate();
                several.map(|(n, value)| value.binding(&format!("{field}.array_value.{n}"))).collect()
            }
        }
    }

    /// All literals, each with the field that it came from.
    ///
    /// # Errors
    /// [`ApiError`] if one of them is a reference.
    pub(crate) fn literals(self, field: &str) -> ApiResult<Vec<(String, String)>> {
        let one = self.value.into_iter().map(|value| (format!("{field}.value"), value));
        let several = self.array_value.into_iter().flatten().enumerate();
        let several = several.map(|(n, value)| (format!("{field}.array_value.{n}"), value));
        one.chain(several)
            .map(|(field, value)| Ok((value.literal(&field)?, format!("{field}.literal"))))
            .collect()
    }
}

/// Conditions of which all must hold. Of several groups, one must hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct ConditionGroupPayload {
    /// The conditions.
    conditions: Vec<ConditionPayload>,
}

/// A condition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
struct ConditionPayload {
    /// The reference whose value is compared, as `alert.title`.
    subject: String,
    /// How the value is compared: `one_of`, `not_one_of`, `contains`, `does_not_contain`, `starts_with`, `is_set` or
    /// `is_not_set`.
    operation: String,
    /// What the value is compared with.
    #[serde(default)]
    param_bindings: Vec<ValuesPayload>,
}

/// The condition groups that are evaluated.
///
/// # Errors
/// [`ApiError`] that names the field that cannot be evaluated.
pub(crate) fn groups(field: &str, groups: Vec<ConditionGroupPayload>) -> ApiResult<Vec<ConditionGroup>> {
    let conditions = |(g, group): (usize, ConditionGroupPayload)| {
        let conditions = group.conditions.into_iter().enumerate();
        let conditions = conditions.map(|(c, body)| body.condition(&format!("{field}.{g}.conditions.{c}")));
        conditions.collect::<ApiResult<Vec<_>>>().map(ConditionGroup)
    };
    groups.into_iter().enumerate().map(conditions).collect()
}

/// The operations of conditions.
const OPERATIONS: &str = "one_of, not_one_of, contains, does_not_contain, starts_with, is_set, is_not_set";

impl ConditionPayload {
    fn condition(self, field: &str) -> ApiResult<Condition> {
        let mut texts = Vec::new();
        for (n, values) in self.param_bindings.into_iter().enumerate() {
            let literals = values.literals(&format!("{field}.param_bindings.{n}"))?;
            texts.extend(literals.into_iter().map(|(text, _)| text));
        }
        let params = || format!("{field}.param_bindings");
        let mut one = || match (texts.pop(), texts.is_empty()) {
            (Some(text), true) => Ok(text),
            (None, _) => Err(ApiError::required(&params())),
            (Some(_), false) => Err(ApiError::invalid(
                params(),
                format!("The operation `{}` takes only one value", clip(&self.operation)),
            )),
        };
        let test = match self.operation.as_str() {
            "contains" => Test::Contains(one()?),
            "does_not_contain" => Test::DoesNotContain(one()?),
            "starts_with" => Test::StartsWith(one()?),
            "is_set" => Test::IsSet,
            "is_not_set" => Test::IsNotSet,
            "one_of" | "not_one_of" | "not_in" if texts.is_empty() => {
                return Err(ApiError::required(&params()));
            }
            "one_of" => Test::OneOf(texts),
            "not_one_of" | "not_in" => Test::NotOneOf(texts),
            unknown => {
                let reason =
                    format!("`{}` is not a supported operation: use one of {OPERATIONS}", clip(unknown));
                return Err(ApiError::invalid(format!("{field}.operation"), reason));
            }
        };
        Ok(Condition { subject: Binding::Reference(self.subject), test })
    }
}

/// Refuses a list of a kind that Firebell does not support yet, unless it is empty.
///
/// # Errors
/// [`ApiError`] naming the field.
pub(crate) fn unsupported<T>(field: &str, values: Option<&Vec<T>>) -> ApiResult<()> {
    match values {
        Some(values) if !values.is_empty() => {
            Err(ApiError::invalid(field, "This is not supported yet: leave it empty"))
        }
        Some(_) | None => Ok(()),
    }
}

/// A document as replies show it: bindings and conditions get labels for people, and fields that are null are left out.
pub(crate) fn labelled(value: Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.into_iter().map(labelled).collect()),
        Value::Object(fields) => object(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn object(fields: Map<String, Value>) -> Value {
    let mut shown: Map<String, Value> = Map::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
        let value = labelled(value);
        let unbound = name == "value" && value.as_object().is_some_and(Map::is_empty);
        shown.insert(name, if unbound { json!({ "label": "" }) } else { value });
    }
    if let (Some(Value::String(operation)), Some(Value::String(subject))) =
        (shown.get("operation"), shown.get("subject"))
    {
        let (operation, subject) = (operation.clone(), subject.clone());
        shown.insert(
            "operation".to_owned(),
            json!({ "label": operation.replace('_', " "), "value": operation }),
        );
        shown.insert("subject".to_owned(), json!({ "label": label(&subject), "reference": subject }));
        shown.entry("param_bindings").or_insert_with(|| json!([]));
    }
    let is_binding =
        !shown.is_empty() && shown.keys().all(|key| matches!(key.as_str(), "literal" | "reference"));
    if is_binding {
        let reference = shown.get("reference").and_then(Value::as_str).filter(|text| !text.is_empty());
        let literal = shown.get("literal").and_then(Value::as_str);
        let label = reference.map(label).or_else(|| literal.map(str::to_owned)).unwrap_or_default();
        shown.insert("label".to_owned(), label.into());
    }
    Value::Object(shown)
}

/// The name of a reference for people.
pub(crate) fn label(reference: &str) -> String {
    let known = sources::scope::ALERT.iter().find(|variable| variable.reference == reference);
    known.map_or_else(|| reference.to_owned(), |variable| variable.label.to_owned())
}

/// A binding with the label that people see.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BindingView {
    /// What people see.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// The value itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    literal: Option<String>,
    /// Where the value is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

impl From<&Binding> for BindingView {
    fn from(binding: &Binding) -> Self {
        match binding {
            Binding::Literal(text) | Binding::Template(text) => {
                Self { label: Some(text.clone()), literal: Some(text.clone()), reference: None }
            }
            Binding::Reference(reference) => {
                Self { label: Some(label(reference)), literal: None, reference: Some(reference.clone()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(condition: Value) -> Result<Test, Value> {
        let body: ConditionGroupPayload =
            serde_json::from_value(json!({ "conditions": [condition] })).unwrap();
        match groups("condition_groups", vec![body]) {
            Ok(mut groups) => Ok(groups.remove(0).0.remove(0).test),
            Err(error) => Err(json!(error.field())),
        }
    }

    #[test]
    fn conditions_are_evaluated_or_named() {
        let with = |operation: &str, params: Value| {
            one(json!({ "subject": "alert.title", "operation": operation, "param_bindings": params }))
        };
        let value = |text: &str| json!([{ "value": { "literal": text } }]);
        let at = |field: &str| Err(json!(format!("condition_groups.0.conditions.0.{field}")));

        assert_eq!(
            with("one_of", json!([{ "array_value": [{ "literal": "a" }, { "literal": "b" }] }])),
            Ok(Test::OneOf(vec!["a".to_owned(), "b".to_owned()]))
        );
        assert_eq!(with("not_in", value("a")), Ok(Test::NotOneOf(vec!["a".to_owned()])));
        assert_eq!(with("contains", value("a")), Ok(Test::Contains("a".to_owned())));
        assert_eq!(with("does_not_contain", value("a")), Ok(Test::DoesNotContain("a".to_owned())));
        assert_eq!(with("starts_with", value("a")), Ok(Test::StartsWith("a".to_owned())));
        assert_eq!(with("is_set", json!([])), Ok(Test::IsSet));
        assert_eq!(with("is_not_set", json!([])), Ok(Test::IsNotSet));
        assert_eq!(with("matches_regex", value("a")), at("operation"));
        assert_eq!(with("one_of", json!([])), at("param_bindings"));
        assert_eq!(with("contains", json!([])), at("param_bindings"));
        assert_eq!(
            with("contains", json!([{ "array_value": [{ "literal": "a" }, { "literal": "b" }] }])),
            at("param_bindings")
        );
        assert_eq!(
            with("one_of", json!([{ "value": { "reference": "alert.title" } }])),
            at("param_bindings.0.value.reference")
        );
    }

    #[test]
    fn shown_document_has_labels_and_no_nulls() {
        let sent = json!({
            "summary": null,
            "conditions": [{
                "subject": "alert.title",
                "operation": "is_set",
                "param_bindings": [{ "value": { "literal": "x", "reference": null }, "array_value": null }],
            }],
            "name": { "binding": { "value": { "reference": "payload.team" } } },
            "severity": { "binding": { "value": {} } },
            "other": { "anything": ["stays", { "as": "it is" }] },
        });

        assert_eq!(
            labelled(sent),
            json!({
                "conditions": [{
                    "subject": { "label": "Title", "reference": "alert.title" },
                    "operation": { "label": "is set", "value": "is_set" },
                    "param_bindings": [{ "value": { "literal": "x", "label": "x" } }],
                }],
                "name": { "binding": { "value": { "reference": "payload.team", "label": "payload.team" } } },
                "severity": { "binding": { "value": { "label": "" } } },
                "other": { "anything": ["stays", { "as": "it is" }] },
            })
        );
    }
}
