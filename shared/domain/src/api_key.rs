//! API keys: the hash of a token, and the roles of the program that has it.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::access::{Actor, KeyRole};
use crate::id::{ApiKeyId, OrgId};
use crate::identity::Identity;
use crate::text::fingerprint;

/// The hash under which a token is stored.
pub fn hash(key: &str) -> String {
    fingerprint(key.as_bytes(), 64)
}

/// The holder of a key: everything that a request reads, found by the token's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyHolder {
    /// The organisation.
    pub org: OrgId,
    /// The key's id.
    pub id: ApiKeyId,
    /// The key's name.
    pub name: String,
    /// Its roles; a key from before there were roles has every role.
    #[serde(default = "KeyRole::all", deserialize_with = "known")]
    pub roles: Vec<KeyRole>,
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// What the key is for.
    #[serde(default)]
    pub comments: String,
    /// Its roles.
    #[serde(deserialize_with = "known")]
    pub roles: Vec<KeyRole>,
    /// The hash of the token.
    pub hash: String,
    /// Who created it.
    pub creator: Identity,
    /// When.
    pub created_at: Timestamp,
    /// When its token was last rotated.
    pub issued_at: Timestamp,
    /// Each change adds one.
    pub version: u64,
}

/// The roles that this version knows; unknown roles grant nothing.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeyRole>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

impl ApiKey {
    /// The holder of the key.
    pub fn holder(&self, org: OrgId) -> KeyHolder {
        KeyHolder { org, id: self.id, name: self.name.clone(), roles: self.roles.clone() }
    }
}

impl KeyHolder {
    /// The actor for the program.
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
