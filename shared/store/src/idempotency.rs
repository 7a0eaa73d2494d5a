//! Idempotency keys: the object that a client's key created, so that the same key creates nothing twice.

use std::str::FromStr;

use domain::id::OrgId;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::{Commit, Store, item, table};

/// The kinds of objects that idempotency keys create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdempotentKind {
    /// An incident.
    Incident,
    /// An update of an incident.
    Update,
    /// An escalation.
    Escalation,
    /// A message pinned to an incident.
    Pin,
}

impl IdempotentKind {
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

/// The row of an idempotency key.
#[derive(Serialize, Deserialize)]
struct IdempotencyRow {
    id: String,
}

fn place(org: OrgId, made: IdempotentKind, key: &str) -> table::Key {
    table::once(org, made.name(), &domain::text::fingerprint(key.as_bytes(), 64))
}

impl Store {
    /// The object that an idempotency key created before.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn made_by<T: FromStr>(
        &self,
        org: OrgId,
        made: IdempotentKind,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let once: Option<IdempotencyRow> = self.load("client's key", &place(org, made, key)).await?;
        Ok(once.and_then(|once| once.id.parse().ok()))
    }
}

impl Commit {
    /// Adds the row of an idempotency key, if the key created nothing before.
    pub fn made_by(self, org: OrgId, made: IdempotentKind, key: &str, id: impl ToString) -> Self {
        self.put_new(item::write(
            "client's key",
            &place(org, made, key),
            &IdempotencyRow { id: id.to_string() },
        ))
    }
}
