//! Slack's wire format: signatures, payloads, messages, and calls to its Web API.
//!
//! Nothing here knows the store or a verb. Everything except `http` is pure.

pub mod block;
mod call;
mod http;
pub mod payload;
mod signature;
mod transport;

pub use call::{Authorised, NewMessage, Posted, Slack, Token};
pub use http::{API_URL, AddressError, Https};
pub use signature::{Unsigned, WINDOW, verify};
pub use transport::{Authorization, CallError, Method, Reply, Request, Transport, is_cut_off};
