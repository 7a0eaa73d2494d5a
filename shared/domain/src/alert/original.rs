//! The original text of an alert, if its source's template changed it.

use serde::{Deserialize, Serialize};

use super::{AlertEvent, Body};

/// The original text, stored only if it differs from what is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalText {
    /// The title.
    pub title: String,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
}

impl OriginalText {
    /// The original text of an event, if it differs from what is shown. The description is shortened to `bytes`, since
    /// it shares an item with what is shown.
    pub fn of(event: &AlertEvent, shown: (&str, Option<&str>, Option<&str>), bytes: usize) -> Option<Self> {
        if (event.title.as_str(), event.description.as_deref(), event.priority.as_deref()) == shown {
            return None;
        }
        let description = event.description.as_deref();
        Some(Self {
            title: event.title.clone(),
            description: description.map(|text| crate::text::shorten(text, bytes)),
            priority: event.priority.clone(),
        })
    }
}

impl Body {
    /// The original text, from the stored one or from what is shown.
    pub fn sent(&self) -> OriginalText {
        self.sent.clone().unwrap_or_else(|| OriginalText {
            title: self.title.clone(),
            description: self.description.clone(),
            priority: self.priority.clone(),
        })
    }
}
