//! The audit log: a partition a month, in the order of time.

use domain::Timestamp;
use domain::audit::Entry;
use domain::id::{AuditId, OrgId};

use crate::error::StoreError;
use crate::monthly::{Monthly, More};
use crate::{Commit, Store, item, table};

/// A page of the audit log, the newest first.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where to go on, if there may be more.
    pub after: Option<AuditId>,
}

impl Store {
    /// Entries before an id, the newest first; nothing is older than the organisation itself.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn audit_log(
        &self,
        org: OrgId,
        before: Option<AuditId>,
        most: usize,
        now: Timestamp,
    ) -> Result<AuditPage, StoreError> {
        let before = before.map(|id| (id.at(), id.to_string()));
        let (kind, partition) = ("audit entry", table::audit_partition);
        let asked = Monthly { org, kind, partition, before, most, now };
        let (entries, more): (Vec<Entry>, More) = self.monthly(asked).await?;
        let after = match more {
            More::Nothing => None,
            More::AfterLast => entries.last().map(|entry| entry.id),
            More::Before(at) => Some(AuditId::new(at, 0)),
        };
        Ok(AuditPage { entries, after })
    }
}

impl Commit {
    /// Adds an entry of the audit log.
    pub fn audited(self, entry: &Entry) -> Self {
        self.put_new(item::write("audit entry", &table::audit(entry.org, entry.id), entry))
    }
}
