//! The audit log: an entry for each change of configuration, written in the same commit.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access::{Actor, Allowed};
use crate::choice::ChoiceKind;
use crate::id::{AuditId, OrgId};
use crate::identity::Identity;
use crate::text::shorten;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum AuditAction {
    /// The object was created.
    Created,
    /// The object was changed.
    Updated,
    /// The object was deleted.
    Deleted,
    /// A person signed in.
    SignedIn,
    /// A person signed out.
    SignedOut,
}

impl AuditAction {
    /// The word in an action's name.
    fn name(self) -> &'static str {
        self.into()
    }
}

/// The kinds of objects in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditKind {
    /// The organisation itself.
    Organisation,
    /// A person.
    User,
    /// An API key.
    ApiKey,
    /// An alert source.
    AlertSource,
    /// An alert route.
    AlertRoute,
    /// An escalation path.
    EscalationPath,
    /// A severity, a status, a role or an attribute.
    Choice(ChoiceKind),
}

impl AuditKind {
    /// The word in an action's name.
    const fn name(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::User => "user",
            Self::ApiKey => "api_key",
            Self::AlertSource => "alert_source",
            Self::AlertRoute => "alert_route",
            Self::EscalationPath => "escalation_path",
            Self::Choice(kind) => kind.audit_name(),
        }
    }
}

/// The object of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTarget {
    /// Its kind, in a word.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name at the time.
    pub name: String,
}

/// The most bytes of a name or a value.
const TEXT_BYTES: usize = 120;

impl AuditTarget {
    /// An object of a kind.
    pub fn new(kind: AuditKind, id: impl ToString, name: &str) -> Self {
        Self { kind: kind.name().to_owned(), id: id.to_string(), name: shorten(name, TEXT_BYTES) }
    }
}

/// A field that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChange {
    /// The field.
    pub field: String,
    /// The old value, if it is short and not secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The new value, if it is short and not secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// An entry of the audit log: who did what to which object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id, in the order of time.
    pub id: AuditId,
    /// The organisation.
    pub org: OrgId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Identity,
    /// What happened, as `alert_route.updated`.
    pub action: String,
    /// The object.
    #[serde(rename = "thing")]
    pub target: AuditTarget,
    /// The fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<AuditChange>,
}

impl AuditEntry {
    /// An entry for a permitted action.
    pub fn of(allowed: &Allowed<'_>, id: AuditId, did: AuditAction, target: AuditTarget) -> Self {
        Self::by(allowed.actor(), id, did, target)
    }

    /// An entry for an action of Firebell itself.
    pub fn by_system(org: OrgId, part: &str, id: AuditId, did: AuditAction, target: AuditTarget) -> Self {
        Self::by(&Actor::system(org, part), id, did, target)
    }

    /// An entry for signing in or out, which needs no permission.
    pub fn session(actor: &Actor, id: AuditId, did: AuditAction, name: &str) -> Self {
        let user = actor.identity().user().map(|user| user.to_string()).unwrap_or_default();
        Self::by(actor, id, did, AuditTarget::new(AuditKind::User, user, name))
    }

    fn by(actor: &Actor, id: AuditId, did: AuditAction, target: AuditTarget) -> Self {
        let action = format!("{}.{}", target.kind, did.name());
        let (org, by) = (actor.org(), actor.identity().clone());
        Self { id, org, at: id.at(), by, action, target, changes: Vec::new() }
    }

    /// Adds the fields that changed.
    #[must_use]
    pub fn changing(mut self, changes: Vec<AuditChange>) -> Self {
        self.changes.extend(changes);
        self
    }
}

/// Fields that change with every update and are not listed.
const SILENT: &[&str] = &["version", "updated_at", "created_at", "id", "org", "used", "head"];

/// Fields whose values are listed: they are short and not secret.
const TOLD: &[&str] = &["name", "role", "roles", "enabled", "state", "kind", "rank", "owner"];

/// The fields that differ between two versions of an object.
pub fn changes<T: Serialize>(before: Option<&T>, after: Option<&T>) -> Vec<AuditChange> {
    let (before, after) = (fields(before), fields(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let told = |name: &String, fields: &Map<String, Value>| {
        let value = fields.get(name).filter(|_| TOLD.contains(&name.as_str()))?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (!value.is_null()).then(|| shorten(&text, TEXT_BYTES))
    };
    let change = |name: &String| AuditChange {
        field: shorten(name, TEXT_BYTES),
        before: told(name, &before),
        after: told(name, &after),
    };
    differs.filter(|name| !SILENT.contains(&name.as_str())).take(MOST_CHANGES).map(change).collect()
}

/// How many changes an entry lists.
const MOST_CHANGES: usize = 40;

/// The fields of an object; those of a nested envelope are moved up.
fn fields<T: Serialize>(thing: Option<&T>) -> Map<String, Value> {
    let Some(Ok(Value::Object(mut fields))) = thing.map(serde_json::to_value) else { return Map::new() };
    for envelope in ["document", "what"] {
        if let Some(Value::Object(inner)) = fields.remove(envelope) {
            for (name, value) in inner {
                fields.entry(name).or_insert(value);
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changed_fields_are_named_and_secrets_are_not_told() {
        let before = json!({ "name": "Old", "secret": "a", "version": 1, "same": 1, "document": { "x": 1 } });
        let after = json!({ "name": "New", "secret": "b", "version": 2, "same": 1, "document": { "x": 2 } });

        let changes = changes(Some(&before), Some(&after));

        let text = serde_json::to_string(&changes).unwrap();
        let expected = r#"[{"field":"name","before":"Old","after":"New"},{"field":"secret"},{"field":"x"}]"#;
        assert_eq!(text, expected);
    }
}
