//! Alerts.

pub mod explain;
mod open;
pub mod receive;
pub mod rescue;
pub mod resolve;
pub mod unrouted;
