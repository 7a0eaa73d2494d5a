//! The outbox: what transitions tell others.

pub mod relay;
