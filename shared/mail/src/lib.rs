//! Received emails: the notification of SES, the bytes in a mailbox, and the parsed email.
//!
//! The parser is large, so only the functions that receive complete emails depend on it. All other code reads the JSON
//! of a [`ParsedMail`].

mod mailbox;
mod notification;
mod parsed_mail;

pub use mailbox::{MOST_BYTES, Mailbox, MailboxError};
pub use notification::MailNotification;
pub use parsed_mail::ParsedMail;
