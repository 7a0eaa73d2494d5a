//! Sessions of people who are signed in.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{OrgId, UserId};
use crate::sign_in::SignInPerson;

/// How long a session lasts.
pub const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// A session. It is found by the hash of the token that the browser keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The organisation.
    pub org: OrgId,
    /// The person.
    pub user: UserId,
    /// When it began.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// When the database may delete the item, in Unix seconds.
    pub ttl: i64,
}

impl Session {
    /// Starts a session.
    pub fn begin(whom: SignInPerson, now: Timestamp) -> Self {
        let until = now + LASTS;
        Self { org: whom.org, user: whom.user, since: now, until, ttl: until.as_second() }
    }

    /// Says whether it is valid. The database keeps an expired item for a while.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.until > now
    }
}
