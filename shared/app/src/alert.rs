//! Alerts.

pub mod acknowledge;
pub mod explain;
mod open;
pub mod receive;
pub mod rescue;
pub mod resolve;
pub mod unrouted;
