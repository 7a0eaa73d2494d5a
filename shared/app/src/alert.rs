//! Alerts.

pub mod acknowledge;
pub mod expire;
pub mod explain;
mod flap;
mod intake;
mod map_event;
pub mod note;
mod open;
mod outgoing;
pub mod preview;
pub mod receive;
pub mod relate;
mod render;
pub mod rescue;
pub mod resolve;
pub mod retrigger;
mod seen;
pub(crate) mod stored_event;
pub mod tag;
pub mod unrouted;

pub use outgoing::outgoing;
