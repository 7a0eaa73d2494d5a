//! The registry of notification channels.
//!
//! A channel hands one notification for one address to a provider, and reports the result: accepted, a transient error
//! or a permanent error.

mod channel;
mod outgoing;
mod service_email;

pub use channel::email::{Mailer, SesSettings, SettingsError};
pub use channel::slack::{SlackDirect, WorkspaceTokens};
pub use channel::webhook::Webhook;
pub use channel::{BoxError, Channel, Receipt, Rejection, SendError};
pub use outgoing::OutgoingNotification;
pub use service_email::ServiceEmail;
