//! The registry of alert sources: how each one verifies and parses what its sender delivers.
//!
//! A delivery is verified over its raw bytes and then parsed into events. Everything in this crate is pure: the same
//! delivery always gives the same events.

mod custom;
mod delivery;
mod field;
mod form;
mod json;
pub mod limits;
mod parsed;
mod parsed_alert;
mod preview;
pub mod scope;
mod source;
mod verify;

pub use custom::{apply_custom_options, redact_event, transform_options};
pub use delivery::Delivery;
pub use parsed::{
    Acknowledgement, ConfirmationRequest, ParseError, Parsed, Subscription, Unreadable, UnreadableReason,
    too_large_event, unreadable_event,
};
pub use preview::preview_events;
pub use source::{AlertSource, CompatibleApi, Endpoint, Kind, KindOptions, UnknownKind, all, get};
pub use source::{HEARTBEAT_KEY, parse_mail_address};
pub use verify::{Signature, Verified, VerifyError, secret_hash, sns};
