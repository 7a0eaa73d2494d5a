//! An organisation: the tenant.

use serde::{Deserialize, Serialize};

use crate::id::{OrgId, UserId};
use crate::slack::Workspace;

/// An organisation and whom to page when nothing else says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// The person who owns it.
    pub owner: UserId,
    /// Who is paged when in doubt; the owner unless changed.
    pub fallback: UserId,
    /// The Slack workspace that it has connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<Workspace>,
}
