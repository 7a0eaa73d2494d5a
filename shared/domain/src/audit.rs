//! Who changed what: an entry of the audit log for each change of configuration, in the same write.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access::{Actor, Allowed};
use crate::choice::ChoiceKind;
use crate::id::{AuditId, OrgId};
use crate::identity::Identity;
use crate::text::shorten;

/// What happened to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditAction {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was removed.
    Deleted,
    /// A person signed in.
    SignedIn,
    /// A person signed out.
    SignedOut,
}

impl AuditAction {
    /// The word in an action's name.
    const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::SignedIn => "signed_in",
            Self::SignedOut => "signed_out",
        }
    }
}

/// The kinds of things that an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
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

impl Kind {
    /// The word in an action's name.
    const fn name(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::User => "user",
            Self::ApiKey => "api_key",
            Self::AlertSource => "alert_source",
            Self::AlertRoute => "alert_route",
            Self::EscalationPath => "escalation_path",
            Self::Choice(ChoiceKind::Severity) => "severity",
            Self::Choice(ChoiceKind::Status) => "incident_status",
            Self::Choice(ChoiceKind::Role) => "incident_role",
            Self::Choice(ChoiceKind::Attribute) => "alert_attribute",
        }
    }
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTarget {
    /// Its kind, in a word.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name at the time.
    pub name: String,
}

/// How long a name or a value is kept.
const TEXT_BYTES: usize = 120;

impl AuditTarget {
    /// A thing of a kind.
    pub fn new(kind: Kind, id: impl ToString, name: &str) -> Self {
        Self { kind: kind.name().to_owned(), id: id.to_string(), name: shorten(name, TEXT_BYTES) }
    }
}

/// A field that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field.
    pub field: String,
    /// What it was, if that is no secret and short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is now, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// An entry: who did what to which thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
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
    /// To what.
    pub thing: AuditTarget,
    /// Which fields are not what they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

impl Entry {
    /// What somebody did who was asked and may.
    pub fn of(allowed: &Allowed<'_>, id: AuditId, did: AuditAction, thing: AuditTarget) -> Self {
        Self::by(allowed.actor(), id, did, thing)
    }

    /// What Firebell itself did.
    pub fn by_system(org: OrgId, part: &str, id: AuditId, did: AuditAction, thing: AuditTarget) -> Self {
        Self::by(&Actor::system(org, part), id, did, thing)
    }

    /// What somebody did to themselves, for which nobody is asked: they came, or went.
    pub fn session(actor: &Actor, id: AuditId, did: AuditAction, name: &str) -> Self {
        let user = actor.identity().user().map(|user| user.to_string()).unwrap_or_default();
        Self::by(actor, id, did, AuditTarget::new(Kind::User, user, name))
    }

    fn by(actor: &Actor, id: AuditId, did: AuditAction, thing: AuditTarget) -> Self {
        let action = format!("{}.{}", thing.kind, did.name());
        let (org, by) = (actor.org(), actor.identity().clone());
        Self { id, org, at: id.at(), by, action, thing, changes: Vec::new() }
    }

    /// Adds what differs.
    #[must_use]
    pub fn changing(mut self, changes: Vec<Change>) -> Self {
        self.changes.extend(changes);
        self
    }
}

/// Fields that change with every change and say nothing.
const SILENT: &[&str] = &["version", "updated_at", "created_at", "id", "org", "used", "head"];

/// Fields whose values are told: short, and nobody's secret.
const TOLD: &[&str] = &["name", "role", "roles", "enabled", "state", "kind", "rank", "owner"];

/// The fields that differ between what was and what is, by their names.
pub fn changes<T: Serialize>(before: Option<&T>, after: Option<&T>) -> Vec<Change> {
    let (before, after) = (fields(before), fields(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let told = |name: &String, fields: &Map<String, Value>| {
        let value = fields.get(name).filter(|_| TOLD.contains(&name.as_str()))?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (!value.is_null()).then(|| shorten(&text, TEXT_BYTES))
    };
    let change = |name: &String| Change {
        field: shorten(name, TEXT_BYTES),
        before: told(name, &before),
        after: told(name, &after),
    };
    differs.filter(|name| !SILENT.contains(&name.as_str())).take(MOST_CHANGES).map(change).collect()
}

/// How many changes an entry lists.
const MOST_CHANGES: usize = 40;

/// The fields of a thing, with those that lie in an envelope taken out of it.
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
