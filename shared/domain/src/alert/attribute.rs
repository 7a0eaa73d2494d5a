//! Attributes: what alerts say in the same words, whatever their source.

use serde::{Deserialize, Serialize};

use crate::choice::{Choice, ChoiceKind};
use crate::id::{AttributeId, OrgId};

/// An attribute that alerts may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// What people call it.
    pub name: String,
    /// The type of its values, in the API's words.
    pub kind: String,
    /// Whether it has several values.
    pub array: bool,
    /// Whether every alert is to have it.
    #[serde(default)]
    pub required: bool,
    /// A sign for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

impl Choice for Attribute {
    type Id = AttributeId;
    const KIND: ChoiceKind = ChoiceKind::Attribute;

    fn name(&self) -> &str {
        &self.name
    }

    fn rank(&self) -> i64 {
        0
    }

    fn built_in(_: OrgId) -> Vec<(AttributeId, Self)> {
        Vec::new()
    }

    fn is_fixed(&self) -> bool {
        false
    }
}
