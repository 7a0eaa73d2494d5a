//! What API keys may do, in the roles that incident.io's clients know.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Permission::{self, *};

/// A role of an API key, and what it allows here.
struct Row {
    name: &'static str,
    what: &'static str,
    grants: &'static [Permission],
}

/// A role that allows something here.
const fn row(name: &'static str, what: &'static str, grants: &'static [Permission]) -> Row {
    Row { name, what, grants }
}

/// A role for what there is nothing of here yet: it is taken, shown, and allows nothing.
const fn idle(name: &'static str) -> Row {
    Row { name, what: "grants nothing yet", grants: &[] }
}

/// Every role that a client may name.
const ROWS: &[Row] = &[
    row("viewer", "see everything that is public", &[See, SeeOnCall]),
    row("incident_creator", "declare incidents", &[CreateIncidents]),
    row("incident_editor", "edit incidents and share updates", &[EditIncidents]),
    row("manage_settings", "change severities, statuses, roles and attributes", &[ManageSettings]),
    idle("glossary_entries_manage"),
    row("global_access", "see and edit private incidents too", &[SeePrivate]),
    idle("catalog_viewer"),
    idle("catalog_editor"),
    idle("incident_memberships_editor"),
    idle("schedules_editor"),
    idle("schedules_reader"),
    idle("schedule_overrides_editor"),
    idle("workflows_editor"),
    idle("workflows_viewer"),
    idle("private_workflows_editor"),
    idle("private_escalation_workflows_editor"),
    row(
        "on_call_editor",
        "change alert sources, routes and escalation paths, start escalations and respond to them",
        &[SeeOnCall, ConfigureOnCall, CreateEscalations, Respond],
    ),
    row("on_call_viewer", "see alerts, escalations, and their configuration", &[SeeOnCall]),
    row("escalation_creator", "start escalations and respond to them", &[CreateEscalations, Respond]),
    idle("post_incident_flow_opt_out"),
    row(
        "security_settings_editor",
        "manage people and owners, and see who changed what",
        &[ManageUsers, ManageOwners, SeeAudit],
    ),
    idle("investigation_download"),
    idle("team_memberships_manage"),
    idle("status_page_publisher"),
    idle("status_page_viewer"),
    idle("postmortems_manage"),
    row("api_keys_manage", "create and revoke API keys", &[ManageApiKeys]),
    row(
        "notification_methods_manage",
        "set people's notification methods and rules",
        &[SetOwnMethods, SetMethods],
    ),
    row("notification_methods_unredacted_viewer", "see people's notification methods", &[SeeAddresses]),
    idle("incident_workload_viewer"),
    idle("incident_workload_private_viewer"),
    idle("act_on_behalf_of_users"),
    idle("secrets_manage"),
    idle("secrets_use"),
    idle("call_transcripts_viewer"),
    idle("heartbeats_ping"),
    idle("telemetry_query_restricted"),
    idle("telemetry_data_source_update"),
    idle("policies_viewer"),
    idle("policy_findings_manage"),
    idle("pay_reports_viewer"),
    idle("pay_reports_editor"),
    idle("pay_configs_viewer"),
    idle("pay_configs_editor"),
    idle("investigations_editor"),
    idle("telemetry_viewer"),
    idle("documents_viewer"),
];

/// A role of an API key.
#[derive(Clone, Copy)]
pub struct KeyRole(&'static Row);

/// The error for an unknown role of an API key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role for API keys")]
pub struct UnknownRole(String);

impl KeyRole {
    /// Every one.
    pub fn all() -> Vec<Self> {
        ROWS.iter().map(Self).collect()
    }

    /// The name in the API.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// A description of what the role grants.
    pub fn what(self) -> &'static str {
        self.0.what
    }

    /// The permissions that the role grants.
    pub fn grants(self) -> &'static [Permission] {
        self.0.grants
    }
}

impl PartialEq for KeyRole {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for KeyRole {}

impl fmt::Debug for KeyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl FromStr for KeyRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = ROWS.iter().find(|row| row.name == text);
        found.map(Self).ok_or_else(|| UnknownRole(crate::text::clip(text, 60).to_owned()))
    }
}

impl Serialize for KeyRole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for KeyRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Granted;

    #[test]
    fn role_comes_back_from_its_name_and_no_name_stands_twice() {
        for role in KeyRole::all() {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(KeyRole::all().iter().filter(|other| **other == role).count(), 1, "{role:?}");
        }
        assert!("owner".parse::<KeyRole>().is_err());
    }

    #[test]
    fn a_key_of_every_role_may_do_everything() {
        let all: Granted = KeyRole::all().iter().flat_map(|role| role.grants()).copied().collect();

        assert_eq!(all, Granted::all(), "a permission that no role of an API key gives cannot be had by one");
    }
}
