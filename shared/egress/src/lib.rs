//! One bounded request to an address that a stranger gave.
//!
//! Whoever may choose an address could otherwise let us speak to what only we can reach: this machine, its network,
//! the metadata of its cloud.

mod client;
mod error;
#[cfg(feature = "play")]
pub mod play;
mod reach;
mod signer;
mod target;

pub use client::{Answer, Client};
pub use error::{EgressError, Refused};
pub use reach::Reach;
pub use signer::Signer;
pub use target::Target;
