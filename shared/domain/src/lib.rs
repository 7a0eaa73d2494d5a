//! Ids, events, rules, decisions: pure values.
//!
//! No async, no clock, no randomness, no AWS, no tracing.

pub mod access;
pub mod alert;
pub mod api_key;
pub mod audit;
pub mod choice;
pub mod escalation;
pub mod event;
pub mod expression;
pub mod id;
pub mod identity;
pub mod incident;
pub mod job;
pub mod message;
pub mod org;
pub mod page;
pub mod path;
pub mod route;
pub mod session;
pub mod sign_in;
pub mod slack;
pub mod source;
pub mod template;
pub mod text;
pub mod trace;
pub mod user;

pub use access::Actor;
pub use identity::Identity;
pub use jiff::Timestamp;
