//! The audit log: a partition a month, in the order of time.

use domain::Timestamp;
use domain::audit::AuditEntry;
use domain::id::{AuditId, OrgId};

use crate::error::StoreError;
use crate::monthly::{MonthlyQuery, NextPage};
use crate::{Commit, Store, item, table};

/// A page of the audit log, the newest first.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Where to continue, if there may be more.
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
        let asked = MonthlyQuery { org, kind, partition, before, most, now };
        let (entries, more): (Vec<AuditEntry>, NextPage) = self.monthly(asked).await?;
        let after = match more {
            NextPage::Nothing => None,
            NextPage::AfterLast => entries.last().map(|entry| entry.id),
            NextPage::Before(at) => Some(AuditId::new(at, 0)),
        };
        Ok(AuditPage { entries, after })
    }
}

impl Commit {
    /// Adds an entry of the audit log.
    pub fn audited(self, entry: &AuditEntry) -> Self {
        self.put_new(item::write("audit entry", &table::audit(entry.org, entry.id), entry))
    }
}
