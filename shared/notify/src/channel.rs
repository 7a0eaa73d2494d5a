//! What a channel is, and what may come of a send: one file in `channel/` for each.

pub(crate) mod email;
pub(crate) mod slack;
pub(crate) mod webhook;

use domain::slack::MessageRef;
use domain::text::shorten;
use domain::user::MethodType;
use futures_util::future::BoxFuture;

use crate::{Letter, Outgoing};

/// What caused an error, whatever it is.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a provider's words may be in a page's history.
const MOST_WORDS: usize = 120;

/// What a provider said when it took a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    text: String,
    message: Option<MessageRef>,
}

impl Receipt {
    /// Keeps the beginning of what the provider said.
    pub fn new(text: &str) -> Self {
        Self { text: shorten(&one_line(text), MOST_WORDS), message: None }
    }

    /// What the provider said, and where the message stands that can be changed later.
    #[must_use]
    pub fn at(self, message: MessageRef) -> Self {
        Self { message: Some(message), ..self }
    }

    /// What the provider said.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the message stands, if it can be changed later.
    pub const fn message(&self) -> Option<&MessageRef> {
        self.message.as_ref()
    }
}

/// What a provider said when it did not take a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {text}")]
pub struct Answer {
    /// Its code.
    pub code: u16,
    /// Its words, without the address.
    pub text: String,
}

impl Answer {
    /// Keeps the beginning of what the provider said, without the address: errors end up in logs.
    pub(crate) fn new(code: u16, text: &str, address: &str) -> Self {
        Self { code, text: shorten(&without(&one_line(text), address), MOST_WORDS) }
    }
}

/// Why a page was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It may be taken another time; so is everything that leaves a doubt.
    #[error("{reason}")]
    Transient {
        /// What was being done.
        reason: String,
        /// What came of it.
        #[source]
        source: Option<BoxError>,
    },
    /// It may be taken another time, and the provider says when.
    #[error("{reason}")]
    Busy {
        /// What was being done.
        reason: String,
        /// After how many seconds.
        after: u64,
        /// What came of it.
        #[source]
        source: Option<BoxError>,
    },
    /// It will never be taken: the provider says that there is no such address.
    #[error("{reason}")]
    Permanent {
        /// What was being done.
        reason: String,
        /// What came of it.
        #[source]
        source: Option<BoxError>,
    },
}

impl SendError {
    /// The seconds after which the provider asks to be tried again, if it does.
    pub const fn asked(&self) -> Option<u64> {
        match self {
            Self::Busy { after, .. } => Some(*after),
            Self::Transient { .. } | Self::Permanent { .. } => None,
        }
    }

    /// The error and its causes in one line, for a page's history.
    pub fn why(&self) -> String {
        let mut why = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors tell their cause themselves.
            if !why.ends_with(&text) {
                why = format!("{why}: {text}");
            }
            cause = error.source();
        }
        shorten(&one_line(&why), MOST_WORDS)
    }
}

/// A way to reach people.
pub trait Channel: Send + Sync {
    /// The method that people choose to be reached so.
    fn method_type(&self) -> MethodType;

    /// Hands one page to the provider, within 10 seconds.
    ///
    /// # Errors
    /// [`SendError`] if it was not taken, or if that is not known.
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Receipt, SendError>>;

    /// Hands one letter to the provider, within 10 seconds; most channels take pages only.
    ///
    /// # Errors
    /// [`SendError`] if it was not taken, or if that is not known.
    fn write<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Receipt, SendError>> {
        let reason = format!("{} takes no letter `{}`", self.method_type().name(), letter.title);
        Box::pin(async { Err(SendError::Permanent { reason, source: None }) })
    }
}

/// A text without breaks.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A text without an address, however it is written.
fn without(text: &str, address: &str) -> String {
    let (low, wanted) = (text.to_ascii_lowercase(), address.to_ascii_lowercase());
    if wanted.is_empty() {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in low.match_indices(&wanted) {
        kept.push_str(&text[from..at]);
        kept.push('…');
        from = at + found.len();
    }
    kept.push_str(&text[from..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_has_no_address_in_it() {
        let answer =
            Answer::new(550, "5.1.1 <Ada@Example.com>: ada@example.com\r\nunknown", "ada@example.com");

        assert_eq!(answer.to_string(), "550 5.1.1 <…>: … unknown");
    }

    #[test]
    fn reasons_are_told_with_their_causes() {
        let error = SendError::Transient {
            reason: "the mail server refused the sender".to_owned(),
            source: Some(Answer::new(451, "try\nlater", "").into()),
        };

        assert_eq!(error.why(), "the mail server refused the sender: 451 try later");
    }
}
