//! Expressions: a source's template computes values from an alert in bounded time.
//!
//! An expression starts at a root and applies operations. A part that fails is recorded as a problem on the alert and
//! left out.

mod check;
mod engine;
mod evaluate;
pub(crate) mod path;
#[cfg(test)]
mod tests;
mod value;

use serde::{Deserialize, Serialize};

use crate::condition::ConditionGroup;
use crate::template::Binding;

pub use check::{ExpressionError, InferredTypes, check, check_transform};
pub(crate) use check::{check_binding, literal_fits};
pub use engine::{Engine, check_template};
pub use evaluate::Expressions;

/// The most expressions of a template.
pub const MOST_EXPRESSIONS: usize = 50;

/// The most operations of an expression.
pub const MOST_OPERATIONS: usize = 20;

/// The most branches of an operation.
pub const MOST_BRANCHES: usize = 50;

/// The most bytes of a text that is compiled.
pub const SOURCE_BYTES: usize = 4 * 1024;

/// The root from which everything can be reached.
pub const EVERYTHING: &str = ".";

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expression {
    /// The name.
    pub label: String,
    /// The name that bindings use: `expressions["<reference>"]`.
    pub reference: String,
    /// The value that it starts from.
    pub root: String,
    /// The operations, in order.
    pub operations: Vec<Operation>,
    /// The value if the operations give nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Binding>,
}

/// An operation on the current value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Navigates to a path, through every element of a list.
    Navigate(String),
    /// Keeps those elements for which any group of conditions holds.
    Filter(Vec<ConditionGroup>),
    /// Appends the elements of another value.
    Concatenate(String),
    /// Counts the elements.
    Count,
    /// The least number.
    Min,
    /// The greatest number.
    Max,
    /// The sum of all numbers.
    Sum,
    /// Picks an element, always the same one for an alert.
    Random,
    /// The first element.
    First,
    /// Evaluates a path or a template expression.
    Parse {
        /// The path or expression.
        source: String,
        /// The type of the result.
        returns: Returns,
    },
    /// The result of the first branch whose conditions hold.
    Branches {
        /// The branches, in order.
        branches: Vec<Branch>,
        /// The type of the results.
        returns: Returns,
    },
    /// Converts to another type.
    Cast(Returns),
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// When it is taken: if any group holds.
    pub when: Vec<ConditionGroup>,
    /// The result.
    pub result: Vec<Binding>,
}

/// The type of a value, in the API's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returns {
    /// The type of one element.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether there are several.
    pub array: bool,
}

/// The type of an element, as far as it is known before an alert arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Unknown: the value comes from a payload.
    Any,
    /// A text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Bool,
}

impl ValueType {
    /// The type with a name in the API. Unknown names count as texts: a catalogue entry is named by its id.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "any" => Self::Any,
            "number" => Self::Number,
            "bool" | "boolean" => Self::Bool,
            _ => Self::Text,
        }
    }

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "Any",
            Self::Text => "String",
            Self::Number => "Number",
            Self::Bool => "Bool",
        }
    }

    /// Says whether one type can be used as the other.
    pub fn fits(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

/// The type of a value, as far as it is known before an alert arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferredType {
    /// The type of each element.
    pub kind: ValueType,
    /// The type's name in the API, if one was given.
    pub name: Option<String>,
    /// Whether it is a list; `None` if that is not known.
    pub list: Option<bool>,
}

impl InferredType {
    /// Anything.
    pub(crate) const ANY: Self = Self { kind: ValueType::Any, name: None, list: None };

    /// A single value of a type.
    pub(crate) const fn one(kind: ValueType) -> Self {
        Self { kind, name: None, list: Some(false) }
    }

    /// The type in the API's words.
    pub fn returns(&self) -> Returns {
        let kind = self.name.clone().unwrap_or_else(|| self.kind.name().to_owned());
        Returns { kind, array: self.list.unwrap_or(false) }
    }
}

impl From<&Returns> for InferredType {
    fn from(returns: &Returns) -> Self {
        Self {
            kind: ValueType::named(&returns.kind),
            name: Some(returns.kind.clone()),
            list: Some(returns.array),
        }
    }
}

/// The name in `expressions["name"]`, or `expressions.name`.
pub(crate) fn referred(reference: &str) -> Option<String> {
    let path = path::ValuePath::of_reference(reference)?;
    match path.split()? {
        ("expressions", [path::PathStep::Name(name)]) => Some(name.clone()),
        _ => None,
    }
}
