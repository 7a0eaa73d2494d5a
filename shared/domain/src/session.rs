//! A session: somebody who is signed in, in one browser, until it ends.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{OrgId, UserId};
use crate::sign_in::SignInPerson;

/// How long a session lasts.
pub const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// A session; the token that the browser keeps finds it, and is kept as a hash.
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
    /// When the item may vanish, in Unix seconds.
    pub ttl: i64,
}

impl Session {
    /// Begins a session.
    pub fn begin(whom: SignInPerson, now: Timestamp) -> Self {
        let until = now + LASTS;
        Self { org: whom.org, user: whom.user, since: now, until, ttl: until.as_second() }
    }

    /// Says whether it goes on; a database keeps an item for a while after its time.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.until > now
    }
}
