//! The registry of notification channels.

use std::future::Future;
use std::pin::Pin;

use domain::Timestamp;
use domain::user::{MethodType, Urgency};

/// A future that is boxed, so that channels are objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a channel sends.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The same for every attempt at one page.
    pub idempotency_key: String,
    /// Where to.
    pub address: String,
    /// What it is about.
    pub title: String,
    /// How loudly.
    pub urgency: Urgency,
    /// The escalation.
    pub escalation_id: String,
    /// The trace.
    pub trace_id: String,
    /// Where to look at it in the system that sent it.
    pub source_url: Option<String>,
    /// The signed link that acknowledges.
    pub acknowledge_url: String,
    /// When.
    pub when: Timestamp,
}

/// What the provider answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(pub String);

/// Why a page was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Trying again may help.
    #[error("{0}")]
    Transient(String),
    /// It never will.
    #[error("{0}")]
    Permanent(String),
}

/// A way to reach people.
pub trait Channel: Send + Sync {
    /// The method that it serves.
    fn method_type(&self) -> MethodType;

    /// Sends.
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Receipt, SendError>>;
}
