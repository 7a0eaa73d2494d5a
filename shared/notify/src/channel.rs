//! The [`Channel`] trait, and the results and errors of sending. Each channel is one file in `channel/`.

mod email;
mod slack;
mod webhook;

use domain::slack::MessageRef;
use domain::text::shorten;
use domain::user::MethodType;
use futures_util::future::BoxFuture;

pub use self::email::{Mailer, SesSettings, SettingsError};
pub use self::slack::{SlackDirect, WorkspaceTokens};
pub use self::webhook::Webhook;
use crate::{OutgoingNotification, ServiceEmail};

/// The cause of an error, of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How many bytes of a provider's reply are kept in the history of a notification.
const MAX_REPLY_BYTES: usize = 120;

/// A provider's reply when it accepted a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    text: String,
    message: Option<MessageRef>,
}

impl Receipt {
    /// Creates a receipt from the provider's reply, which is shortened.
    pub fn new(text: &str) -> Self {
        Self { text: shorten(&one_line(text), MAX_REPLY_BYTES), message: None }
    }

    /// Adds a reference to the message, so that it can be changed later.
    #[must_use]
    pub fn with_message(self, message: MessageRef) -> Self {
        Self { message: Some(message), ..self }
    }

    /// The provider's reply.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The reference to the message, if the message can be changed later.
    pub const fn message(&self) -> Option<&MessageRef> {
        self.message.as_ref()
    }
}

/// A provider's reply when it rejected a notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {text}")]
pub struct Rejection {
    /// The status code.
    pub code: u16,
    /// The text, with the recipient's address removed.
    pub text: String,
}

impl Rejection {
    /// Creates a rejection from the provider's reply. The reply is shortened, and the recipient's address is removed
    /// because errors are logged.
    pub(crate) fn new(code: u16, text: &str, address: &str) -> Self {
        Self { code, text: shorten(&without(&one_line(text), address), MAX_REPLY_BYTES) }
    }
}

/// Why a notification was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A retry may succeed. Errors that cannot be classified are transient too.
    #[error("{reason}")]
    Transient {
        /// What failed.
        reason: String,
        /// The cause.
        #[source]
        source: Option<BoxError>,
    },
    /// A retry may succeed after the time that the provider asks for.
    #[error("{reason}")]
    Busy {
        /// What failed.
        reason: String,
        /// How many seconds to wait before the next attempt.
        after: u64,
        /// The cause.
        #[source]
        source: Option<BoxError>,
    },
    /// A retry cannot succeed: the address does not exist, or the provider rejects the message itself.
    #[error("{reason}")]
    Permanent {
        /// What failed.
        reason: String,
        /// The cause.
        #[source]
        source: Option<BoxError>,
    },
}

impl SendError {
    /// How many seconds the provider asks us to wait before the next attempt. `None` if it does not ask.
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Busy { after, .. } => Some(*after),
            Self::Transient { .. } | Self::Permanent { .. } => None,
        }
    }

    /// The error and its causes in one line, for the history of a notification.
    pub fn why(&self) -> String {
        let mut why = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors already contain the message of their cause.
            if !why.ends_with(&text) {
                why = format!("{why}: {text}");
            }
            cause = error.source();
        }
        shorten(&one_line(&why), MAX_REPLY_BYTES)
    }
}

/// A way to send notifications to people, for example email or Slack.
pub trait Channel: Send + Sync {
    /// The notification method that this channel serves.
    fn method_type(&self) -> MethodType;

    /// Hands one notification to the provider, within 10 seconds.
    ///
    /// # Errors
    /// [`SendError`] if the provider did not accept it, or if the result is unknown.
    fn send<'a>(
        &'a self,
        notification: &'a OutgoingNotification,
    ) -> BoxFuture<'a, Result<Receipt, SendError>>;

    /// Hands one service email (such as a sign-in link) to the provider, within 10 seconds. Only the email channel
    /// supports this.
    ///
    /// # Errors
    /// [`SendError`] if the provider did not accept it, or if the result is unknown.
    fn send_service_email<'a>(
        &'a self,
        email: &'a ServiceEmail,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        let reason =
            format!("the {} channel cannot send the email `{}`", self.method_type().name(), email.title);
        Box::pin(async { Err(SendError::Permanent { reason, source: None }) })
    }
}

/// Replaces control characters, such as line breaks, by spaces.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Removes an address from a text, ignoring case.
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
    fn rejection_does_not_contain_the_address() {
        let rejection =
            Rejection::new(550, "5.1.1 <Ada@Example.com>: ada@example.com\r\nunknown", "ada@example.com");

        assert_eq!(rejection.to_string(), "550 5.1.1 <…>: … unknown");
    }

    #[test]
    fn reason_contains_its_causes() {
        let error = SendError::Transient {
            reason: "the mail server refused the sender".to_owned(),
            source: Some(Rejection::new(451, "try\nlater", "").into()),
        };

        assert_eq!(error.why(), "the mail server refused the sender: 451 try later");
    }
}
