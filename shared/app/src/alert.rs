//! Alerts.

pub mod acknowledge;
pub(crate) mod again;
mod custom;
pub mod explain;
mod flap;
mod intake;
pub mod lapse;
mod open;
mod outgoing;
pub mod preview;
mod read;
pub mod receive;
pub mod rescue;
pub mod resolve;
pub mod retrigger;
pub mod unrouted;

pub use outgoing::outgoing;
