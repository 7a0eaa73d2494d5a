//! Alerts.

pub mod acknowledge;
mod custom;
pub mod explain;
mod open;
mod read;
pub mod receive;
pub mod rescue;
pub mod resolve;
pub mod unrouted;
