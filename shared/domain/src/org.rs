//! An organisation: the tenant.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{OrgId, UserId};
use crate::slack::Workspace;

/// An organisation with its fallback contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// The person who owns it.
    pub owner: UserId,
    /// The fallback contact; the owner unless changed.
    pub fallback: UserId,
    /// The Slack workspace that it has connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<Workspace>,
    /// The other owners.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub owners: BTreeSet<UserId>,
    /// Each change adds one.
    #[serde(default)]
    pub version: u64,
}

impl Org {
    /// A new organisation with one owner, who is the fallback contact.
    pub fn new(id: OrgId, name: String, owner: UserId) -> Self {
        Self { id, name, owner, fallback: owner, slack: None, owners: BTreeSet::new(), version: 0 }
    }

    /// The organisation with an additional owner.
    #[must_use]
    pub fn with_owner(&self, user: UserId) -> Self {
        let mut org = self.next();
        if user != org.owner {
            org.owners.insert(user);
        }
        org
    }

    /// The organisation without one of its owners; `None` if no owner would remain.
    pub fn without_owner(&self, user: UserId) -> Option<Self> {
        let mut org = self.next();
        org.owners.remove(&user);
        if org.owner == user {
            org.owner = org.owners.pop_first()?;
        }
        Some(org)
    }

    /// The organisation without this fallback contact; the owner takes the place.
    #[must_use]
    pub fn without_fallback(&self, user: UserId) -> Self {
        let mut org = self.next();
        if org.fallback == user {
            org.fallback = org.owner;
        }
        org
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn organisation_always_has_an_owner_and_somebody_to_page() {
        let at = Timestamp::UNIX_EPOCH;
        let (olive, ada) = (UserId::new(at, 1), UserId::new(at, 2));
        let org = Org::new(OrgId::new(at, 1), "Acme".to_owned(), olive);

        assert_eq!(org.without_owner(olive), None);
        let both = org.with_owner(ada);
        let ours = both.without_owner(olive).unwrap().without_fallback(olive);
        assert_eq!((ours.owner, ours.fallback, ours.owners.len()), (ada, ada, 0));
        assert_eq!(both.without_owner(ada).unwrap().owner, olive);
        assert_eq!(org.with_owner(olive).owners.len(), 0);
    }
}
