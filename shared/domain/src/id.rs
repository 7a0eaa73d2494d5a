//! Ids: one newtype for each concept, all ULIDs, so that ids are not confused.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use ulid::Ulid;

/// The error for an invalid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a valid id: an id has 26 letters and digits")]
pub struct BadId(String);

/// Makes a ULID of a time and 80 random bits.
fn ulid(at: Timestamp, random: u128) -> Ulid {
    let millisecond = u64::try_from(at.as_millisecond()).unwrap_or(0);
    Ulid::from_parts(millisecond, random)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Ulid);

        impl $name {
            /// Makes an id of a time and 80 random bits.
            pub fn new(at: Timestamp, random: u128) -> Self {
                Self(ulid(at, random))
            }

            /// Derives an id from its cause, so that repeating the cause gives the same id.
            pub fn derived(at: Timestamp, cause: impl fmt::Display) -> Self {
                let digest = Sha256::digest(format!("{} {cause}", stringify!($name)));
                let mut random = [0; 16];
                random.copy_from_slice(&digest[..16]);
                Self(ulid(at, u128::from_be_bytes(random)))
            }

            /// When it was made, to the millisecond.
            pub fn at(self) -> Timestamp {
                let millisecond = i64::try_from(self.0.timestamp_ms()).unwrap_or(0);
                Timestamp::from_millisecond(millisecond).unwrap_or_default()
            }

            /// The shard of `shards` that spreads these ids evenly.
            pub fn shard(self, shards: u8) -> u8 {
                u8::try_from(self.0.random() % u128::from(shards)).unwrap_or(0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let canonical = text.len() == 26 && !text.bytes().any(|byte| byte.is_ascii_lowercase());
                match Ulid::from_string(text) {
                    Ok(ulid) if canonical => Ok(Self(ulid)),
                    _ => Err(BadId(crate::text::clip(text, 60).to_owned())),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

ids! {
    /// An organisation: the tenant in every key.
    OrgId,
    /// An alert source's configuration.
    SourceId,
    /// One event of an alert.
    EventId,
    /// An alert: one episode of its deduplication key.
    AlertId,
    /// An incident.
    IncidentId,
    /// An escalation.
    EscalationId,
    /// An escalation path.
    PathId,
    /// An alert route.
    RouteId,
    /// A person.
    UserId,
    /// A notification method of a person.
    MethodId,
    /// A notification rule.
    RuleId,
    /// An API key.
    ApiKeyId,
    /// An incident's status.
    StatusId,
    /// An incident's type.
    TypeId,
    /// The severity.
    SeverityId,
    /// A role in an incident.
    RoleId,
    /// A milestone of an incident.
    MilestoneId,
    /// An update of an incident.
    UpdateId,
    /// An attribute of alerts.
    AttributeId,
    /// A row of history.
    HistoryId,
    /// An entry of the audit log.
    AuditId,
    /// A note about an alert.
    NoteId,
    /// A person's attempt to sign in.
    SignInId,
}

/// The bits of an update's id that hold its version.
const VERSION_BITS: u32 = 24;

impl UpdateId {
    /// The id of an incident's version; the version can be read from it.
    pub fn of(incident: IncidentId, version: u64, at: Timestamp) -> Self {
        let cause = Self::derived(at, incident).0.random() >> VERSION_BITS << VERSION_BITS;
        Self(ulid(at, cause | u128::from(version & ((1 << VERSION_BITS) - 1))))
    }

    /// The version.
    pub fn version(self) -> u64 {
        u64::try_from(self.0.random() & ((1 << VERSION_BITS) - 1)).unwrap_or(0)
    }
}

impl EventId {
    /// The id of the summary event for this event. Summary ids have the same order as the ids of the events.
    #[must_use]
    pub fn standing(self) -> Self {
        const HIGHEST: u128 = 1 << 79;
        Self(Ulid::from_parts(self.0.timestamp_ms(), self.0.random() | HIGHEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_comes_back_from_its_text() {
        let id = AlertId::new(Timestamp::UNIX_EPOCH, 7);

        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::from_str::<AlertId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn id_says_when_it_was_made() {
        let at = Timestamp::from_millisecond(1_800_000_000_123).unwrap();

        assert_eq!(AlertId::new(at, 7).at(), at);
    }

    #[test]
    fn same_cause_derives_the_same_id_and_each_concept_its_own() {
        let cause = EventId::new(Timestamp::UNIX_EPOCH, 1);

        assert_eq!(
            AlertId::derived(Timestamp::UNIX_EPOCH, cause),
            AlertId::derived(Timestamp::UNIX_EPOCH, cause)
        );
        assert_ne!(
            AlertId::derived(Timestamp::UNIX_EPOCH, cause).to_string(),
            IncidentId::derived(Timestamp::UNIX_EPOCH, cause).to_string()
        );
    }

    #[test]
    fn id_of_an_update_tells_its_version() {
        let at = Timestamp::from_millisecond(1_800_000_000_123).unwrap();
        let (one, other) = (IncidentId::new(at, 1), IncidentId::new(at, 2));

        for version in [1, 2, 99_999] {
            assert_eq!(UpdateId::of(one, version, at).version(), version);
        }
        assert_ne!(UpdateId::of(one, 2, at), UpdateId::of(other, 2, at));
    }

    #[test]
    fn lower_case_and_overlong_texts_are_no_ids() {
        for text in
            ["", "x", "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FAVX", "LOOKUP#source#01ARZ3NDEK"]
        {
            assert!(text.parse::<SourceId>().is_err(), "{text}");
        }
    }
}
