//! Expressions: how a source's template makes a value of an alert, as data and in a bounded time.
//!
//! An expression begins at a root and goes through operations. What of it fails is noted on the alert, which is made
//! without it.

mod check;
mod engine;
mod evaluate;
pub(crate) mod path;
#[cfg(test)]
mod tests;
mod value;

use serde::{Deserialize, Serialize};

use crate::alert_route::Group;
use crate::template::Binding;

pub use check::{ExpressionError, Shapes, check, check_transform};
pub(crate) use check::{check_binding, literal_fits};
pub use engine::{Engine, check_template};
pub use evaluate::Expressions;

/// The most expressions of a template.
pub const MOST_EXPRESSIONS: usize = 50;

/// The most operations of an expression.
pub const MOST_OPERATIONS: usize = 20;

/// The most branches of an operation.
pub const MOST_BRANCHES: usize = 50;

/// The bytes of a text that is compiled.
pub const SOURCE_BYTES: usize = 4 * 1024;

/// The root from which everything can be reached.
pub const EVERYTHING: &str = ".";

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expression {
    /// What people call it.
    pub label: String,
    /// By what bindings refer to it: `expressions["<reference>"]`.
    pub reference: String,
    /// Where it begins.
    pub root: String,
    /// What is done, in order.
    pub operations: Vec<Operation>,
    /// What it is where nothing comes of that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Binding>,
}

/// What is done to the value at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Goes on to a path, through every element of a list.
    Navigate(String),
    /// Keeps those elements for which any group of conditions holds.
    Filter(Vec<Group>),
    /// Adds the elements of something else.
    Concatenate(String),
    /// Counts the elements.
    Count,
    /// The least number.
    Min,
    /// The greatest number.
    Max,
    /// The sum of all numbers.
    Sum,
    /// Any element, and always the same one for an alert.
    Random,
    /// The first element.
    First,
    /// Evaluates a path, or an expression in the words of templates.
    Parse {
        /// The path or expression.
        source: String,
        /// What it is to give.
        returns: Returns,
    },
    /// The result of the first branch whose conditions hold.
    Branches {
        /// The branches, in order.
        branches: Vec<Branch>,
        /// What they give.
        returns: Returns,
    },
    /// Makes it of another type.
    Cast(Returns),
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// When it is taken: if any group holds.
    pub when: Vec<Group>,
    /// What it gives.
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

/// What an element is, as far as that is known before an alert comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything: it comes from a payload.
    Any,
    /// A text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Bool,
}

impl Kind {
    /// The kind of a type in the API's words. A type that is not known is a text: an entry of a catalogue is named by
    /// its id.
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

    /// Whether one can stand for the other.
    pub fn fits(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

/// What a value is, as far as that is known before an alert comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// What each element is.
    pub kind: Kind,
    /// The name of that, if somebody gave it one.
    pub name: Option<String>,
    /// Whether there are several; none if that is not known.
    pub list: Option<bool>,
}

impl Shape {
    /// Anything.
    pub(crate) const ANY: Self = Self { kind: Kind::Any, name: None, list: None };

    /// One value of a kind.
    pub(crate) const fn one(kind: Kind) -> Self {
        Self { kind, name: None, list: Some(false) }
    }

    /// The type in the API's words.
    pub fn returns(&self) -> Returns {
        let kind = self.name.clone().unwrap_or_else(|| self.kind.name().to_owned());
        Returns { kind, array: self.list.unwrap_or(false) }
    }
}

impl From<&Returns> for Shape {
    fn from(returns: &Returns) -> Self {
        Self { kind: Kind::named(&returns.kind), name: Some(returns.kind.clone()), list: Some(returns.array) }
    }
}

/// The name in `expressions["name"]`, or `expressions.name`.
pub(crate) fn referred(reference: &str) -> Option<String> {
    let path = path::Path::of_reference(reference)?;
    match path.split()? {
        ("expressions", [path::Step::Name(name)]) => Some(name.clone()),
        _ => None,
    }
}
