//! The registry of alert sources: verify and parse.
//!
//! A delivery is verified over its raw bytes, then parsed into events. Everything here is pure: the same delivery
//! gives the same events.

mod custom;
mod delivery;
mod field;
mod form;
mod json;
pub mod limits;
mod parsed;
pub mod scope;
mod source;
mod told;
mod trial;
mod verify;

pub use custom::{CUSTOM, custom_event, options, redacted_event};
pub use delivery::Delivery;
pub use parsed::{
    Acknowledged, Asked, ParseError, Parsed, Reason, Subscription, Unreadable, too_large_event,
    unreadable_event,
};
pub use source::{AlertSource, Class, Integration, Kind, UnknownKind, all, get};
pub use source::{EMAIL, HEARTBEAT, HEARTBEAT_KEY, mail_address, mail_addressed};
pub use trial::trial;
pub use verify::{Signature, Verified, VerifyError, key_hash, sns};
