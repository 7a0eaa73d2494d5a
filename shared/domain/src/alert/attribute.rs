//! Attributes: values that alerts of every source have under the same names.

mod merge;

use serde::{Deserialize, Serialize};

use crate::choice::{Choice, ChoiceKind, Configured};
use crate::expression::Expressions;
use crate::id::AttributeId;
use crate::template::{Binding, Problem};

/// The definition of an alert attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// The name.
    pub name: String,
    /// The type of its values, in the API's words.
    pub kind: String,
    /// Whether it takes several values.
    pub array: bool,
    /// Whether every alert should have it.
    #[serde(default)]
    pub required: bool,
    /// An emoji that pages show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

impl Choice for Attribute {
    type Id = AttributeId;
    const KIND: ChoiceKind = ChoiceKind::Attribute;

    fn name(&self) -> &str {
        &self.name
    }
}

/// The binding of an attribute in a source's template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The attribute.
    pub attribute: AttributeId,
    /// Where its values come from.
    pub values: Vec<Binding>,
    /// How values are merged when the alert repeats; new values replace old ones if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Merge>,
}

/// The values of one attribute of an alert, with the attribute's definition at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertAttribute {
    /// The attribute's id.
    pub id: AttributeId,
    /// The attribute.
    #[serde(flatten)]
    pub attribute: Attribute,
    /// The values; a single one unless the attribute takes several.
    pub values: Vec<String>,
}

pub use merge::{Merge, merged};

/// The most values that an alert may have for one attribute.
const MOST_VALUES: usize = 50;

/// The most bytes of one value.
const VALUE_BYTES: usize = 1000;

/// The most bytes of all attribute values of an alert: they share an item with its text.
const ALL_BYTES: usize = 32 * 1024;

/// The values of each bound attribute. An attribute that fails is recorded as a problem and left out.
pub fn said(
    bound: &[Bound],
    attributes: &[Configured<Attribute>],
    expressions: &Expressions<'_>,
) -> (Vec<AlertAttribute>, Vec<Problem>) {
    let (mut all, mut problems, mut bytes) = (Vec::new(), Vec::new(), 0);
    for bound in bound {
        let Some(known) = attributes.iter().find(|known| known.id == bound.attribute) else {
            problems.push(Problem(format!("the alert attribute `{}` no longer exists", bound.attribute)));
            continue;
        };
        let attribute = &known.what;
        match attribute.read(&bound.values, expressions) {
            Ok(values) if values.is_empty() => {}
            Ok(values) => {
                bytes += values.iter().map(String::len).sum::<usize>();
                if bytes > ALL_BYTES {
                    problems.push(Problem(format!("the alert attributes have more than {ALL_BYTES} bytes")));
                    break;
                }
                all.push(AlertAttribute { id: known.id, attribute: attribute.clone(), values });
            }
            Err(Problem(problem)) => {
                problems.push(Problem(format!("alert attribute `{}`: {problem}", attribute.name)));
            }
        }
    }
    (all, problems)
}

/// A problem for each required attribute that has no value.
pub fn missing(said: &[AlertAttribute], attributes: &[Configured<Attribute>]) -> Vec<Problem> {
    let wanted = attributes.iter().filter(|known| known.what.required);
    let missing = wanted.filter(|known| !said.iter().any(|said| said.id == known.id));
    missing
        .map(|known| {
            let name = crate::text::shorten(&known.what.name, 100);
            Problem(format!("the alert attribute `{name}` is required, but the alert has no value for it"))
        })
        .collect()
}

impl Attribute {
    /// The values of an attribute, each converted to its type.
    fn read(&self, values: &[Binding], expressions: &Expressions<'_>) -> Result<Vec<String>, Problem> {
        let mut found = Vec::new();
        for binding in values {
            found.extend(binding.resolve_all_in(expressions)?);
        }
        if !self.array && found.len() > 1 {
            return Err(Problem(format!("it takes one value, but {} were found", found.len())));
        }
        if found.len() > MOST_VALUES {
            return Err(Problem(format!(
                "it takes at most {MOST_VALUES} values, but {} were found",
                found.len()
            )));
        }
        found.into_iter().map(|text| self.typed(&text)).collect()
    }

    /// A value in the notation of its type. Unknown types count as texts: a catalogue entry is named by its id.
    fn typed(&self, text: &str) -> Result<String, Problem> {
        let shown = || crate::text::shorten(text, 60);
        match self.kind.to_ascii_lowercase().as_str() {
            "number" => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(text.trim().to_owned()),
                Ok(_) | Err(_) => Err(Problem(format!("`{}` is not a number", shown()))),
            },
            "bool" | "boolean" => match text.trim().to_ascii_lowercase().as_str() {
                word @ ("true" | "false") => Ok(word.to_owned()),
                _ => Err(Problem(format!("`{}` is not true or false", shown()))),
            },
            _ => Ok(crate::text::shorten(text, VALUE_BYTES)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Timestamp;
    use crate::alert::AlertEvent;

    /// Type, whether it may have several, what is bound, what comes of it.
    type Case<'a> = (&'a str, bool, Vec<Binding>, Result<Vec<&'a str>, &'a str>);

    fn attribute(n: u128, kind: &str, array: bool) -> Configured<Attribute> {
        let what =
            Attribute { name: format!("A{n}"), kind: kind.to_owned(), array, required: false, emoji: None };
        Configured::<Attribute> {
            id: AttributeId::new(Timestamp::UNIX_EPOCH, n),
            what,
            version: 1,
            used: false,
            gone: false,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn said_of(kind: &str, array: bool, values: &[Binding]) -> Result<Vec<String>, String> {
        let payload = json!({
            "labels": {"team": "shop", "cpu": 97.5, "up": true, "none": null, "long": "x".repeat(2000)},
            "tags": ["a", "b", null, "", 3],
        });
        let event = AlertEvent::example(&payload);
        let known = attribute(1, kind, array);
        let bound = Bound { attribute: known.id, values: values.to_vec(), merge: None };
        let (said, problems) = said(&[bound], &[known], &Expressions::new(&[], &event, &payload));
        match problems.into_iter().next() {
            Some(Problem(problem)) => Err(problem),
            None => Ok(said.into_iter().flat_map(|said| said.values).collect()),
        }
    }

    fn reference(path: &str) -> Binding {
        Binding::Reference(path.to_owned())
    }

    fn literal(text: &str) -> Binding {
        Binding::Literal(text.to_owned())
    }

    #[test]
    fn values_are_of_their_type_or_told_of() {
        let cases: Vec<Case<'_>> = vec![
            ("String", false, vec![literal("x")], Ok(vec!["x"])),
            ("String", false, vec![reference("alert.priority")], Ok(vec!["critical"])),
            ("String", false, vec![reference("payload.labels.team")], Ok(vec!["shop"])),
            ("String", false, vec![reference("payload.labels.none")], Ok(vec![])),
            ("String", false, vec![reference("payload.nowhere")], Ok(vec![])),
            ("Number", false, vec![reference("payload.labels.cpu")], Ok(vec!["97.5"])),
            ("Number", false, vec![literal(" 7 ")], Ok(vec!["7"])),
            ("Number", false, vec![literal("seven")], Err("alert attribute `A1`: `seven` is not a number")),
            ("Number", false, vec![literal("inf")], Err("alert attribute `A1`: `inf` is not a number")),
            ("Bool", false, vec![reference("payload.labels.up")], Ok(vec!["true"])),
            ("Bool", false, vec![literal("yes")], Err("alert attribute `A1`: `yes` is not true or false")),
            ("String", true, vec![reference("payload.tags")], Ok(vec!["a", "b", "3"])),
            ("String", true, vec![literal("x"), reference("payload.tags")], Ok(vec!["x", "a", "b", "3"])),
            (
                "String",
                false,
                vec![reference("payload.tags")],
                Err("alert attribute `A1`: it takes one value, but 3 were found"),
            ),
            ("01CATALOGTYPE", false, vec![literal("01ENTRY")], Ok(vec!["01ENTRY"])),
        ];
        for (kind, array, values, expected) in cases {
            let expected = expected
                .map(|texts| texts.into_iter().map(str::to_owned).collect::<Vec<_>>())
                .map_err(str::to_owned);
            assert_eq!(said_of(kind, array, &values), expected, "{kind} {values:?}");
        }
        assert!(
            said_of("String", false, &[reference("payload.labels.long")]).unwrap()[0].len() <= VALUE_BYTES
        );
    }

    #[test]
    fn what_is_too_much_is_told_of() {
        let values: Vec<Binding> = (0..MOST_VALUES + 1).map(|n| literal(&n.to_string())).collect();
        assert!(said_of("String", true, &values).unwrap_err().contains("at most 50 values"));
        let values: Vec<Binding> = (0..40).map(|_| literal(&"x".repeat(1000))).collect();
        assert!(said_of("String", true, &values).unwrap_err().contains("more than"));
    }

    #[test]
    fn attribute_that_is_gone_is_told_of() {
        let bound =
            Bound { attribute: attribute(2, "String", false).id, values: vec![literal("x")], merge: None };
        let event = AlertEvent { priority: None, ..AlertEvent::example(&json!({})) };

        let (said, problems) = said(&[bound], &[], &Expressions::new(&[], &event, &json!({})));

        assert!(said.is_empty() && problems[0].0.ends_with("no longer exists"), "{problems:?}");
    }
}
