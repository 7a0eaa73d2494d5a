//! Conditions on the values of an alert, in filters, expressions and routes. `Expressions` finds the values.

use serde::{Deserialize, Serialize};

use crate::template::Binding;

/// Conditions that must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionGroup(pub Vec<Condition>);

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The value that is tested.
    pub subject: Binding,
    /// The test.
    pub test: Test,
}

/// A test of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The value is in this list.
    OneOf(Vec<String>),
    /// The value is not in this list.
    NotOneOf(Vec<String>),
    /// The value contains this text.
    Contains(String),
    /// The value does not contain this text.
    DoesNotContain(String),
    /// The value begins with this text.
    StartsWith(String),
    /// There is a value.
    IsSet,
    /// There is no value.
    IsNotSet,
}

impl Test {
    /// Tests one text, or its absence.
    fn holds(&self, text: Option<&str>) -> bool {
        match self {
            Self::OneOf(texts) => text.is_some_and(|text| texts.iter().any(|one| one == text)),
            Self::NotOneOf(texts) => text.is_none_or(|text| !texts.iter().any(|one| one == text)),
            Self::Contains(part) => text.is_some_and(|text| text.contains(part)),
            Self::DoesNotContain(part) => text.is_none_or(|text| !text.contains(part)),
            Self::StartsWith(start) => text.is_some_and(|text| text.starts_with(start)),
            Self::IsSet => text.is_some(),
            Self::IsNotSet => text.is_none(),
        }
    }
}

impl Test {
    /// Tests a list of texts. One matching text suffices; for a negative test, no text may match.
    pub(crate) fn holds_for(&self, texts: &[String]) -> bool {
        match self {
            _ if texts.is_empty() => self.holds(None),
            Self::OneOf(_) | Self::Contains(_) | Self::StartsWith(_) | Self::IsSet => {
                texts.iter().any(|text| self.holds(Some(text)))
            }
            Self::NotOneOf(_) | Self::DoesNotContain(_) | Self::IsNotSet => {
                texts.iter().all(|text| self.holds(Some(text)))
            }
        }
    }
}
