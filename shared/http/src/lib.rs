//! Requests: extract, app verb, present.

mod door;
mod error;
pub mod source;

pub use error::ApiError;
