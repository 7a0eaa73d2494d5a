//! Ids, events, rules, decisions: pure values.
//!
//! No async, no clock, no randomness, no AWS, no tracing.

pub mod access;
pub mod alert;
pub mod alert_route;
pub mod api_key;
pub mod audit;
pub mod choice;
pub mod condition;
pub mod escalation;
pub mod escalation_path;
pub mod event;
pub mod expression;
pub mod followers;
pub mod id;
pub mod identity;
pub mod incident;
pub mod job;
pub mod message;
pub mod notification;
pub mod org;
pub mod session;
pub mod sign_in;
pub mod slack;
pub mod source;
pub mod subscriber;
pub mod template;
pub mod text;
pub mod trace;
pub mod user;

pub use access::Actor;
pub use identity::Identity;
pub use jiff::Timestamp;
