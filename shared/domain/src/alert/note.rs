//! Notes and tags of alerts. Neither changes how the alert is handled.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::expression::ExpressionError;
use crate::id::NoteId;
use crate::identity::Identity;
use crate::text::fingerprint;

/// The most characters of a note.
pub const NOTE_LETTERS: usize = 10_000;
/// The most notes of an alert.
pub const MOST_NOTES: u32 = 200;
/// The most tags of an alert.
pub const MOST_TAGS: usize = 20;
/// The most characters of a tag.
pub const TAG_LETTERS: usize = 50;

/// A note about an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its id, which contains the time of writing.
    pub id: NoteId,
    /// Who wrote it.
    pub by: Identity,
    /// The text.
    pub text: String,
}

impl Note {
    /// When it was written.
    pub fn at(&self) -> Timestamp {
        self.id.at()
    }
}

/// Checks and trims the text of a note.
///
/// # Errors
/// [`ExpressionError`] if it is empty or too long.
pub fn text(text: &str) -> Result<String, ExpressionError> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(ExpressionError::new("text", "a note cannot be empty".to_owned())),
        letters if letters > NOTE_LETTERS => {
            Err(ExpressionError::new("text", format!("a note may have at most {NOTE_LETTERS} characters")))
        }
        _ => Ok(text.to_owned()),
    }
}

/// Checks tags and removes duplicates, ignoring case; the order stays.
///
/// # Errors
/// [`ExpressionError`] if there are too many, or one is too long.
pub fn tags<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>, ExpressionError> {
    let mut tags: Vec<String> = Vec::new();
    for name in names {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.chars().count() > TAG_LETTERS {
            return Err(ExpressionError::new(
                "tags",
                format!("a tag may have at most {TAG_LETTERS} characters"),
            ));
        }
        if !name.is_empty() && !tags.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            tags.push(name);
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(ExpressionError::new("tags", format!("an alert may have at most {MOST_TAGS} tags")));
    }
    Ok(tags)
}

/// The id of a tag: the same on every alert, ignoring case.
pub fn tag_id(name: &str) -> String {
    fingerprint(name.to_lowercase().as_bytes(), 26)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_each_kept_once_and_bounded() {
        assert_eq!(tags([" Known  issue ", "known issue", "", "db"]).unwrap(), ["Known issue", "db"]);
        assert_eq!(tag_id("DB"), tag_id("db"));
        let many: Vec<String> = (0..=MOST_TAGS).map(|n| n.to_string()).collect();
        assert!(tags(many.iter().map(String::as_str)).is_err());
        assert!(tags([&*"x".repeat(TAG_LETTERS + 1)]).is_err());
    }

    #[test]
    fn note_says_something_and_not_too_much() {
        assert_eq!(text("  I look at it.\n").unwrap(), "I look at it.");
        assert!(text(" \n").is_err() && text(&"é".repeat(NOTE_LETTERS)).is_ok());
        assert!(text(&"x".repeat(NOTE_LETTERS + 1)).is_err());
    }
}
