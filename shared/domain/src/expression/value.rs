//! Operations on values: cost, numbers, sums and conversions.

use serde_json::{Number, Value};

use super::{Returns, ValueType};
use crate::template::{Problem, text_of};

/// The cost of each value in bytes, in addition to its text.
const NODE: usize = 32;

/// Subtracts the cost of a value; returns false if the budget is exhausted.
pub(super) fn pay(value: &Value, left: &mut usize) -> bool {
    let text = match value {
        Value::String(text) => text.len(),
        Value::Object(fields) => fields.keys().map(String::len).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => 0,
    };
    let Some(rest) = left.checked_sub(NODE + text) else { return false };
    *left = rest;
    match value {
        Value::Array(elements) => elements.iter().all(|element| pay(element, left)),
        Value::Object(fields) => fields.values().all(|field| pay(field, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Says whether a value counts as absent.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// The elements of a list; a single value counts as a list of itself, and null as an empty list.
pub(super) fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(elements) => elements,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            std::slice::from_ref(value)
        }
    }
}

/// The number in a value; senders also write numbers as texts.
fn number(value: &Value) -> Result<f64, Problem> {
    let found = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let shown = || crate::text::shorten(&text_of(value).unwrap_or_else(|| "null".to_owned()), 60);
    found.filter(|number| number.is_finite()).ok_or_else(|| Problem(format!("`{}` is not a number", shown())))
}

/// A JSON number; an integer if it is whole.
fn written(number: f64) -> Value {
    /// Every whole number up to this one is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within what is exact")]
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// The number of a list that comes first in an order.
pub(super) fn least(value: &Value, before: fn(f64, f64) -> bool) -> Result<Value, Problem> {
    let mut best: Option<f64> = None;
    for element in elements(value) {
        let number = number(element)?;
        if best.is_none_or(|best| before(number, best)) {
            best = Some(number);
        }
    }
    Ok(best.map_or(Value::Null, written))
}

/// The sum of a list.
pub(super) fn sum(value: &Value) -> Result<Value, Problem> {
    let mut sum = 0.0;
    for element in elements(value) {
        sum += number(element)?;
    }
    Ok(written(sum))
}

/// Converts a value to another type.
pub(super) fn cast(value: &Value, returns: &Returns) -> Result<Value, Problem> {
    let kind = ValueType::named(&returns.kind);
    let typed = |element: &Value| match kind {
        ValueType::Any => Ok(element.clone()),
        ValueType::Number => number(element).map(written),
        ValueType::Bool => match text_of(element).unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            other => Err(Problem(format!("`{}` is not true or false", crate::text::shorten(other, 60)))),
        },
        ValueType::Text => Ok(text_of(element).map_or(Value::Null, Value::String)),
    };
    let there = elements(value).iter().filter(|element| !element.is_null());
    let mut all = there.map(typed).collect::<Result<Vec<_>, _>>()?;
    match (returns.array, all.len()) {
        (true, _) => Ok(Value::Array(all)),
        (false, 0) => Ok(Value::Null),
        (false, 1) => Ok(all.remove(0)),
        (false, several) => Err(Problem(format!("it takes one value, but {several} were found"))),
    }
}
