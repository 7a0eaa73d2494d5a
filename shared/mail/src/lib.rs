//! Mail that comes in: what SES says of one, where its bytes are, and what they mean.
//!
//! The parser is of some size, so that only the functions that get whole mails depend on it: everything behind them
//! reads a [`Letter`].

mod letter;
mod mailbox;
mod received;

pub use letter::Letter;
pub use mailbox::{MOST_BYTES, Mailbox, MailboxError, beginning};
pub use received::Received;
