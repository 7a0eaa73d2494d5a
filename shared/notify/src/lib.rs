//! The registry of notification channels.
//!
//! A channel takes one page to one address and says what became of it: taken, not now, or never.

mod channel;
mod outgoing;

pub use channel::email::{Mailer, SettingsError};
pub use channel::slack::{SlackDirect, Tokens};
pub use channel::{Answer, BoxError, Channel, Receipt, SendError};
pub use outgoing::Outgoing;
