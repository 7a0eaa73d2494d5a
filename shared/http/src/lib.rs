//! Requests: extract, app verb, present.

mod door;
mod error;
pub mod source;
pub mod web;

pub use error::ApiError;
