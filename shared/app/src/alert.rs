//! Alerts.

pub mod acknowledge;
pub(crate) mod again;
mod custom;
pub mod expire;
pub mod explain;
mod flap;
mod intake;
pub mod note;
mod open;
mod outgoing;
pub mod preview;
mod read;
pub mod receive;
pub mod relate;
pub mod rescue;
pub mod resolve;
pub mod retrigger;
mod seen;
pub mod tag;
pub mod unrouted;

pub use outgoing::outgoing;
