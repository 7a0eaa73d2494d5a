//! The registry of notification channels.
//!
//! A channel takes one page to one address and says what became of it: taken, not now, or never.

mod channel;
mod letter;
mod outgoing;

pub use channel::email::{Mailer, SesSettings, SettingsError};
pub use channel::webhook::Webhook;
pub use channel::{Answer, BoxError, Channel, Receipt, SendError};
pub use letter::Letter;
pub use outgoing::Outgoing;
