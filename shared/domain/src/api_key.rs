//! API keys: what a program shows, kept as a hash, and what it may do.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::access::{Actor, KeyRole};
use crate::id::{ApiKeyId, OrgId};
use crate::identity::Identity;
use crate::text::fingerprint;

/// The hash under which a key is kept.
pub fn hash(key: &str) -> String {
    fingerprint(key.as_bytes(), 64)
}

/// Who holds a key: all that a request reads, found by the key's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyHolder {
    /// The organisation.
    pub org: OrgId,
    /// The key's id.
    pub id: ApiKeyId,
    /// The key's name.
    pub name: String,
    /// What it may do; a key that was made before there were roles has every one.
    #[serde(default = "KeyRole::all", deserialize_with = "known")]
    pub roles: Vec<KeyRole>,
}

/// A key, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    #[serde(default)]
    pub comments: String,
    /// What it may do.
    #[serde(deserialize_with = "known")]
    pub roles: Vec<KeyRole>,
    /// The hash of what the program shows.
    pub hash: String,
    /// Who made it.
    pub creator: Identity,
    /// When.
    pub created_at: Timestamp,
    /// When what the program shows was last made anew.
    pub issued_at: Timestamp,
    /// Each change adds one.
    pub version: u64,
}

/// The roles that this version knows: those of a newer one allow nothing.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeyRole>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

impl ApiKey {
    /// Who holds it.
    pub fn holder(&self, org: OrgId) -> KeyHolder {
        KeyHolder { org, id: self.id, name: self.name.clone(), roles: self.roles.clone() }
    }
}

impl KeyHolder {
    /// The program, with what it may do.
    pub fn actor(&self) -> Actor {
        Actor::api_key(self.org, self.id, &self.roles)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::Granted;

    #[test]
    fn key_from_before_there_were_roles_may_do_everything_and_an_unknown_role_allows_nothing() {
        let at = Timestamp::UNIX_EPOCH;
        let old = json!({ "org": OrgId::new(at, 1), "id": ApiKeyId::new(at, 2), "name": "old" });
        let mut newer = old.clone();
        newer["roles"] = json!(["from_the_future", "on_call_viewer"]);

        let (old, newer): (KeyHolder, KeyHolder) =
            (serde_json::from_value(old).unwrap(), serde_json::from_value(newer).unwrap());

        assert_eq!(old.actor().granted(), Granted::all());
        assert_eq!(newer.roles, ["on_call_viewer".parse().unwrap()]);
    }
}
