//! Paths into a payload, in common notations: `a.b`, `a[0]`, `$.a`, `$['a']["b"]`.

use std::borrow::Cow;

use serde_json::Value;

use super::SOURCE_BYTES;

/// The most steps of a path.
const MOST_STEPS: usize = 32;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathStep {
    /// To the field of an object; in a list, a number is an index.
    Name(String),
    /// To an element of a list.
    Index(usize),
}

/// A path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValuePath {
    /// Whether it begins with `$`, the current value.
    pub(crate) rooted: bool,
    /// The steps, in order.
    pub(crate) steps: Vec<PathStep>,
}

impl ValuePath {
    /// Parses the path of a reference: a name may contain anything except dots and brackets.
    pub(crate) fn of_reference(text: &str) -> Option<Self> {
        Self::read(text, |c| !matches!(c, '.' | '[' | ']'))
    }

    /// Parses a path where an expression may stand as well: unusual names must be quoted.
    pub(crate) fn of_source(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches(';').trim_end();
        Self::read(text, |c| c.is_alphanumeric() || matches!(c, '_' | '@'))
    }

    /// Parses a path whose names consist of such characters.
    fn read(text: &str, plain: fn(char) -> bool) -> Option<Self> {
        if text.len() > SOURCE_BYTES {
            return None;
        }
        let below =
            text.strip_prefix('$').filter(|rest| rest.is_empty() || rest.starts_with(['.', '[', '?']));
        let (rooted, mut rest) = below.map_or((false, text), |rest| (true, rest));
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let inside = rest.strip_prefix("?.[").or_else(|| rest.strip_prefix('['));
            let (step, after) = match inside {
                Some(inside) => in_brackets(inside)?,
                None => {
                    let below = rest.strip_prefix("?.").or_else(|| rest.strip_prefix('.'));
                    let named = if steps.is_empty() && !rooted { rest } else { below? };
                    let end = named.find(|c| !plain(c)).unwrap_or(named.len());
                    (
                        PathStep::Name(named.get(..end).filter(|name| !name.is_empty())?.to_owned()),
                        &named[end..],
                    )
                }
            };
            steps.push(step);
            rest = after;
        }
        let fits = (rooted || !steps.is_empty()) && steps.len() <= MOST_STEPS;
        fits.then_some(Self { rooted, steps })
    }

    /// The name of its first step, and the steps after that.
    pub(crate) fn split(&self) -> Option<(&str, &[PathStep])> {
        match self.steps.split_first()? {
            (PathStep::Name(name), rest) if !self.rooted => Some((name, rest)),
            (PathStep::Name(_) | PathStep::Index(_), _) => None,
        }
    }
}

/// Parses an index or a quoted name in brackets, and returns the rest.
fn in_brackets(inside: &str) -> Option<(PathStep, &str)> {
    let quote = inside.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let (index, after) = inside.split_once(']')?;
        return Some((PathStep::Index(index.trim().parse().ok()?), after));
    };
    let (name, after) = inside[1..].split_once(quote)?;
    Some((PathStep::Name(name.to_owned()), after.strip_prefix(']')?))
}

/// Takes one step from a value.
fn step<'a>(at: &'a Value, step: &PathStep) -> Option<&'a Value> {
    match (at, step) {
        (Value::Object(fields), PathStep::Name(name)) => fields.get(name),
        (Value::Array(elements), PathStep::Name(name)) => elements.get(name.parse::<usize>().ok()?),
        (Value::Array(elements), PathStep::Index(index)) => elements.get(*index),
        (Value::Object(_), PathStep::Index(_))
        | (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => None,
    }
}

/// Follows a path.
pub(crate) fn follow<'a>(value: &'a Value, steps: &[PathStep]) -> Option<&'a Value> {
    steps.iter().try_fold(value, step)
}

/// Follows a path through every element of lists; several results are a list.
pub(crate) fn navigate<'a>(value: &'a Value, steps: &[PathStep]) -> Cow<'a, Value> {
    let (mut found, mut several) = (Vec::new(), false);
    gather(value, steps, &mut found, &mut several);
    match (several, found.first()) {
        (true, _) => Cow::Owned(found.into_iter().cloned().collect()),
        (false, Some(found)) => Cow::Borrowed(found),
        (false, None) => Cow::Owned(Value::Null),
    }
}

/// Collects the results of a path.
fn gather<'a>(value: &'a Value, steps: &[PathStep], found: &mut Vec<&'a Value>, several: &mut bool) {
    let Some((first, rest)) = steps.split_first() else {
        match value {
            Value::Array(elements) if *several => found.extend(elements),
            Value::Null => {}
            Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                found.push(value);
            }
        }
        return;
    };
    if let Some(next) = step(value, first) {
        return gather(next, rest, found, several);
    }
    if let Value::Array(elements) = value {
        *several = true;
        for element in elements {
            gather(element, steps, found, several);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_read_as_people_write_them() {
        let value = json!({"a": {"b": [{"c": 1}, {"c": 2}], "x.y": 3, "é": 4}, "list": ["p", "q"]});
        let cases = [
            ("$", Some(value.clone())),
            ("$.a.b[0].c", Some(json!(1))),
            ("$['a'][\"b\"][1]['c']", Some(json!(2))),
            ("a.b[1].c", Some(json!(2))),
            ("a?.b?.[0].c", Some(json!(1))),
            ("a[\"x.y\"]", Some(json!(3))),
            (" $.a.é; ", Some(json!(4))),
            ("list.1", Some(json!("q"))),
        ];
        for (text, expected) in cases {
            let path = ValuePath::of_source(text).unwrap_or_else(|| panic!("{text} is no path"));
            assert_eq!(follow(&value, &path.steps).cloned(), expected, "{text}");
        }
        for text in [
            "", ".a", "a.", "a..b", "a[", "a[x]", "a['x", "$a", "a b", "a || b", "a.b()", "a-b", "'a'", "1+1",
        ] {
            assert_eq!(ValuePath::of_source(text), None, "{text}");
        }
        assert_eq!(ValuePath::of_source(&vec!["a"; MOST_STEPS + 1].join(".")), None);
        assert!(ValuePath::of_reference("payload.host-name.a b").is_some());
    }

    #[test]
    fn navigating_goes_through_every_element() {
        let value = json!({"alerts": [{"labels": {"team": "a"}, "tags": ["x", "y"]}, {"labels": {}},
            {"labels": {"team": "b"}, "tags": ["z"]}]});
        let cases = [
            ("alerts.labels.team", json!(["a", "b"])),
            ("alerts.tags", json!(["x", "y", "z"])),
            ("alerts[2].labels.team", json!("b")),
            ("alerts.nothing", json!([])),
            ("nothing.at.all", json!(null)),
        ];
        for (text, expected) in cases {
            let path = ValuePath::of_source(text).unwrap();
            assert_eq!(navigate(&value, &path.steps).into_owned(), expected, "{text}");
        }
    }
}
