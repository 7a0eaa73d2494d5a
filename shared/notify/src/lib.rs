//! The registry of notification channels.
//!
//! A channel hands one notification for one address to a provider, and reports the result: accepted, a transient error
//! or a permanent error.

mod channel;
mod outgoing;
mod service_email;

pub use channel::*;
pub use outgoing::OutgoingNotification;
pub use service_email::ServiceEmail;
