//! Choices: configurable values that people select, such as severities, statuses and roles of incidents.
//!
//! An organisation starts with the built-in choices, which are stored only when somebody changes them. A choice that
//! was ever used cannot be deleted, so that references to it stay valid.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::OrgId;

/// The kinds of choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChoiceKind {
    /// The severity.
    Severity,
    /// The status.
    Status,
    /// A role in an incident.
    Role,
    /// An attribute of alerts.
    Attribute,
}

impl ChoiceKind {
    /// The name for people.
    pub const fn name(self) -> &'static str {
        self.names().0
    }

    /// The name in the audit log.
    pub const fn audit_name(self) -> &'static str {
        self.names().1
    }

    /// The name for people, and the name in the audit log.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Severity => ("severity", "severity"),
            Self::Status => ("incident status", "incident_status"),
            Self::Role => ("incident role", "incident_role"),
            Self::Attribute => ("alert attribute", "alert_attribute"),
        }
    }
}

/// A kind of choice.
pub trait Choice: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its ids.
    type Id: Copy
        + Eq
        + Ord
        + Debug
        + Display
        + FromStr
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static;
    /// Which kind it is.
    const KIND: ChoiceKind;

    /// The name.
    fn name(&self) -> &str;

    /// The order among the others. Choices without an order are sorted by their age.
    fn rank(&self) -> i64 {
        0
    }

    /// The built-in choices of an organisation.
    fn built_in(_org: OrgId) -> Vec<(Self::Id, Self)> {
        Vec::new()
    }

    /// Says whether it cannot be deleted, because Firebell relies on it.
    fn is_fixed(&self) -> bool {
        false
    }
}

/// A choice as an organisation has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfiguredChoice<T, I> {
    /// Its id.
    pub id: I,
    /// The value.
    pub what: T,
    /// Each change adds one; 0 for a built-in one that nobody has changed.
    pub version: u64,
    /// Whether it was ever used.
    #[serde(default)]
    pub used: bool,
    /// Whether it is a built-in choice that was deleted.
    #[serde(default)]
    pub gone: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A choice of a kind, as an organisation has it.
pub type Configured<T> = ConfiguredChoice<T, <T as Choice>::Id>;

/// The built-in choices of an organisation, unchanged.
pub fn built_in<T: Choice>(org: OrgId) -> Vec<Configured<T>> {
    let offer = |(id, what)| ConfiguredChoice {
        id,
        what,
        version: 0,
        used: false,
        gone: false,
        created_at: org.at(),
        updated_at: org.at(),
    };
    T::built_in(org).into_iter().map(offer).collect()
}

/// The choices of an organisation: the built-in ones with their changes, and its own, by rank.
pub fn offered<T: Choice>(org: OrgId, stored: Vec<Configured<T>>) -> Vec<Configured<T>> {
    let untouched = |choice: &Configured<T>| !stored.iter().any(|stored| stored.id == choice.id);
    let mut all: Vec<Configured<T>> = built_in::<T>(org).into_iter().filter(untouched).collect();
    all.extend(stored);
    all.retain(|choice| !choice.gone);
    all.sort_by_key(|choice| (choice.what.rank(), choice.id));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::Severity;

    #[test]
    fn changed_and_deleted_built_in_choices_stand_for_the_first_ones() {
        let org = OrgId::new(Timestamp::UNIX_EPOCH, 1);
        let mut stored = built_in::<Severity>(org);
        stored.truncate(2);
        stored[0].what.name = "Small".to_owned();
        stored[1].gone = true;

        let names: Vec<_> = offered(org, stored).into_iter().map(|one| one.what.name).collect();

        assert_eq!(names, ["Small", "Critical"]);
    }
}
