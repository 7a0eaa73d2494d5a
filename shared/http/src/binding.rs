//! Bindings and conditions: from what a client sends to what is evaluated, and back with labels.

use domain::alert_route::{Condition, ConditionGroup, Test};
use domain::template::Binding;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::ApiError;
use crate::api::{Answer, clip};

/// A binding as it is sent: a literal or a reference.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BindingBody {
    literal: Option<String>,
    reference: Option<String>,
}

impl BindingBody {
    /// The binding. An empty text beside the other one is as if it were absent.
    ///
    /// # Errors
    /// [`ApiError`] if it is both, or neither.
    pub(crate) fn binding(self, field: &str) -> Answer<Binding> {
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        match (filled(&self.literal), filled(&self.reference), self) {
            (true, true, _) => {
                Err(ApiError::invalid(field, "A binding is a literal or a reference, not both"))
            }
            (_, false, Self { literal: Some(literal), .. }) => Ok(Binding::Literal(literal)),
            (_, _, Self { reference: Some(reference), .. }) => Ok(Binding::Reference(reference)),
            (_, _, Self { literal: _, reference: None }) => {
                Err(ApiError::required(&format!("{field}.literal")))
            }
        }
    }

    /// The binding of a text, whose literal may have places in it.
    ///
    /// # Errors
    /// [`ApiError`] if it is both a literal and a reference, or neither.
    pub(crate) fn text(self, field: &str) -> Answer<Binding> {
        Ok(match self.binding(field)? {
            Binding::Literal(text) => Binding::text(text),
            other @ (Binding::Reference(_) | Binding::Template(_)) => other,
        })
    }

    /// The literal.
    ///
    /// # Errors
    /// [`ApiError`] if it is none: a reference cannot be evaluated here.
    pub(crate) fn literal(self, field: &str) -> Answer<String> {
        match self.binding(field)? {
            Binding::Literal(text) | Binding::Template(text) => Ok(text),
            Binding::Reference(_) => {
                let field = format!("{field}.reference");
                Err(ApiError::invalid(field, "A reference cannot be evaluated here yet: use a literal"))
            }
        }
    }
}

/// One value or several.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ValuesBody {
    value: Option<BindingBody>,
    array_value: Option<Vec<BindingBody>>,
}

impl ValuesBody {
    /// The one binding; none if nothing is bound.
    ///
    /// # Errors
    /// [`ApiError`] if there are several.
    pub(crate) fn one(self, field: &str) -> Answer<Option<Binding>> {
        if self.array_value.is_some_and(|values| !values.is_empty()) {
            return Err(ApiError::invalid(format!("{field}.array_value"), "One value belongs here"));
        }
        self.value.map(|value| value.binding(&format!("{field}.value"))).transpose()
    }

    /// All bindings: the one, or each of several.
    ///
    /// # Errors
    /// [`ApiError`] if one of them is none, or both are given.
    pub(crate) fn all(self, field: &str) -> Answer<Vec<Binding>> {
        let several = self.array_value.filter(|values| !values.is_empty());
        match (self.value, several) {
            (Some(_), Some(_)) => {
                Err(ApiError::invalid(field, "A binding has one value or several, not both"))
            }
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
    pub(crate) fn literals(self, field: &str) -> Answer<Vec<(String, String)>> {
        let one = self.value.into_iter().map(|value| (format!("{field}.value"), value));
        let several = self.array_value.into_iter().flatten().enumerate();
        let several = several.map(|(n, value)| (format!("{field}.array_value.{n}"), value));
        one.chain(several)
            .map(|(field, value)| Ok((value.literal(&field)?, format!("{field}.literal"))))
            .collect()
    }
}

/// Conditions that must all hold, as they are sent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct GroupBody {
    conditions: Vec<ConditionBody>,
}

/// A condition as it is sent.
#[derive(Debug, Clone, Deserialize)]
struct ConditionBody {
    subject: String,
    operation: String,
    #[serde(default)]
    param_bindings: Vec<ValuesBody>,
}

/// The conditions that are evaluated.
///
/// # Errors
/// [`ApiError`] naming what cannot be evaluated.
pub(crate) fn groups(field: &str, groups: Vec<GroupBody>) -> Answer<Vec<ConditionGroup>> {
    let conditions = |(g, group): (usize, GroupBody)| {
        let conditions = group.conditions.into_iter().enumerate();
        let conditions = conditions.map(|(c, body)| body.condition(&format!("{field}.{g}.conditions.{c}")));
        conditions.collect::<Answer<Vec<_>>>().map(ConditionGroup)
    };
    groups.into_iter().enumerate().map(conditions).collect()
}

/// The operations that a condition knows.
const OPERATIONS: &str = "one_of, not_one_of, contains, does_not_contain, starts_with, is_set, is_not_set";

impl ConditionBody {
    fn condition(self, field: &str) -> Answer<Condition> {
        let mut texts = Vec::new();
        for (n, values) in self.param_bindings.into_iter().enumerate() {
            let literals = values.literals(&format!("{field}.param_bindings.{n}"))?;
            texts.extend(literals.into_iter().map(|(text, _)| text));
        }
        let params = || format!("{field}.param_bindings");
        let mut one = || match (texts.pop(), texts.is_empty()) {
            (Some(text), true) => Ok(text),
            (None, _) => Err(ApiError::required(&params())),
            (Some(_), false) => {
                Err(ApiError::invalid(params(), format!("`{}` takes one value", clip(&self.operation))))
            }
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
                let reason = format!("`{}` cannot be evaluated yet; there is {OPERATIONS}", clip(unknown));
                return Err(ApiError::invalid(format!("{field}.operation"), reason));
            }
        };
        Ok(Condition { subject: Binding::Reference(self.subject), test })
    }
}

/// Refuses what cannot be evaluated yet, if there is any.
///
/// # Errors
/// [`ApiError`] naming the field.
pub(crate) fn none_yet<T>(field: &str, values: Option<&Vec<T>>) -> Answer<()> {
    match values {
        Some(values) if !values.is_empty() => {
            Err(ApiError::invalid(field, "This cannot be evaluated yet: leave it empty"))
        }
        Some(_) | None => Ok(()),
    }
}

/// What was sent, as it is shown: bindings and conditions have labels for people, and what is null is absent.
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

/// What people call a reference.
pub(crate) fn label(reference: &str) -> String {
    let known = sources::scope::ALERT.iter().find(|variable| variable.reference == reference);
    known.map_or_else(|| reference.to_owned(), |variable| variable.label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(condition: Value) -> Result<Test, Value> {
        let body: GroupBody = serde_json::from_value(json!({ "conditions": [condition] })).unwrap();
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
    fn what_is_shown_has_labels_and_no_nulls() {
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
