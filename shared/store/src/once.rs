//! What a client's own key made, so that the same key makes nothing twice.

use std::str::FromStr;

use domain::id::OrgId;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::{Commit, Store, item, table};

/// What keys make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// An incident.
    Incident,
    /// An update of an incident.
    Update,
    /// An escalation.
    Escalation,
    /// Something pinned to an incident.
    Pin,
}

impl Made {
    /// The name in the key of the row.
    const fn name(self) -> &'static str {
        match self {
            Self::Incident => "INCIDENT",
            Self::Update => "UPDATE",
            Self::Escalation => "ESCALATION",
            Self::Pin => "PIN",
        }
    }
}

/// The row of a client's key.
#[derive(Serialize, Deserialize)]
struct Once {
    id: String,
}

fn place(org: OrgId, made: Made, key: &str) -> table::Key {
    table::once(org, made.name(), &domain::text::fingerprint(key.as_bytes(), 64))
}

impl Store {
    /// What a client's key has made before.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn made_by<T: FromStr>(
        &self,
        org: OrgId,
        made: Made,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let once: Option<Once> = self.load("client's key", &place(org, made, key)).await?;
        Ok(once.and_then(|once| once.id.parse().ok()))
    }
}

impl Commit {
    /// Adds what a client's key makes, if it has made nothing before.
    pub fn made_by(self, org: OrgId, made: Made, key: &str, id: impl ToString) -> Self {
        self.put_new(item::write("client's key", &place(org, made, key), &Once { id: id.to_string() }))
    }
}
