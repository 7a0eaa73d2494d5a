//! One verb in one place: load, decide, commit.

pub mod alert;
pub mod alert_route;
pub mod api_key;
pub mod bounded_cache;
pub mod choice;
pub mod escalation;
pub mod escalation_path;
pub mod heartbeat;
pub mod incident;
mod job;
pub mod link;
pub mod notification;
pub mod oidc;
pub mod org;
pub mod outbox;
pub mod rules;
pub mod seal;
pub mod session;
pub mod sign_in;
pub mod slack;
pub mod source;
pub mod sweep;
pub mod user;
pub mod worker;

mod context;
mod error;

pub use context::{Clock, Context, Incoming, Random};
pub use error::AppError;
pub use rules::Rules;
