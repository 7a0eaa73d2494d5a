//! The HTTP client for everything outside AWS and Slack, protected against server-side request forgery (SSRF).
//!
//! Each request is bounded in time and size. A request to a URL that a user entered goes only to public network
//! addresses. Without this check a user
//! could point Firebell at hosts that only Firebell can reach: its own machine, its network, the cloud's metadata
//! service.

mod client;
mod error;
#[cfg(feature = "fake-internet")]
pub mod fake_internet;
mod reach;
mod signer;
mod target;

pub use client::{BodyEnd, Client, Response};
pub use error::{EgressError, InvalidUrl};
pub use reach::Reach;
pub use signer::Signer;
pub use target::{Target, is_encrypted_or_local};
