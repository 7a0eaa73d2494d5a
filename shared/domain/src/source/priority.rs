//! The priority mapping: the organisation's priorities for the senders' words.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alert::ReceivedEvent;
use crate::expression::ExpressionError;

/// The most words that a source maps.
const MOST_WORDS: usize = 50;

/// The most bytes of a priority or of a sender's word.
const WORD_BYTES: usize = 100;

/// The priority mapping of a source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Priorities {
    /// The priority of an alert whose sender gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The priority for each of the senders' words, which are in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, String>,
}

impl Priorities {
    /// The priority for a sender's word.
    pub fn of(&self, said: Option<&str>) -> Option<String> {
        match said {
            None => self.default.clone(),
            Some(said) => {
                let known = self.words.get(&said.trim().to_lowercase());
                Some(known.cloned().unwrap_or_else(|| said.to_owned()))
            }
        }
    }

    /// Applies the mapping to an event.
    pub fn apply<'a>(priorities: Option<&Self>, received: &'a ReceivedEvent) -> Cow<'a, ReceivedEvent> {
        let said = &received.event.priority;
        let Some(found) = priorities.map(|priorities| priorities.of(said.as_deref())) else {
            return Cow::Borrowed(received);
        };
        if found == *said {
            return Cow::Borrowed(received);
        }
        let mut received = received.clone();
        received.event.priority = found;
        Cow::Owned(received)
    }

    /// Checks them before they are stored.
    ///
    /// # Errors
    /// [`ExpressionError`] with the field.
    pub fn check(&self) -> Result<(), ExpressionError> {
        if self.words.len() > MOST_WORDS {
            return Err(ExpressionError::new("words", format!("at most {MOST_WORDS} words can be mapped")));
        }
        let fits = |text: &str| !text.trim().is_empty() && text.len() <= WORD_BYTES;
        if self.default.as_deref().is_some_and(|default| !fits(default)) {
            return Err(ExpressionError::new(
                "default",
                format!("a priority must have 1 to {WORD_BYTES} bytes"),
            ));
        }
        if self.words.iter().any(|(word, priority)| !fits(word) || !fits(priority)) {
            return Err(ExpressionError::new(
                "words",
                format!("a word and its priority must each have 1 to {WORD_BYTES} bytes"),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_words_become_ours_and_silence_has_a_default() {
        let words = BTreeMap::from([("critical".to_owned(), "P1".to_owned())]);
        let priorities = Priorities { default: Some("P3".to_owned()), words };
        let cases = [(None, "P3"), (Some("Critical "), "P1"), (Some("odd"), "odd")];
        for (said, expected) in cases {
            assert_eq!(priorities.of(said).as_deref(), Some(expected), "{said:?}");
        }
        assert_eq!(Priorities::default().of(None), None);
    }
}
