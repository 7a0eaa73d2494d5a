//! The audit log: a partition a month, in the order of time.

use domain::Timestamp;
use domain::audit::Entry;
use domain::id::{AuditId, OrgId};
use jiff::ToSpan;
use jiff::tz::TimeZone;

use crate::error::StoreError;
use crate::item::{self, s};
use crate::{Commit, Store, table};

/// How many months one request looks through.
const MOST_MONTHS: usize = 24;

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
        let day = |at: Timestamp| at.to_zoned_datetime(TimeZone::UTC).date();
        let mut month = day(before.map_or(now, AuditId::at)).first_of_month();
        let first = day(org.at()).first_of_month();
        let mut entries: Vec<Entry> = Vec::new();
        for _ in 0..MOST_MONTHS {
            if month < first {
                return Ok(AuditPage { entries, after: None });
            }
            let room = most + 1 - entries.len();
            let partition = table::audit_partition(org, &month.strftime("%Y-%m").to_string());
            entries.extend(self.audit_month(partition, before, room).await?);
            if entries.len() > most {
                entries.truncate(most);
                let after = entries.last().map(|entry| entry.id);
                return Ok(AuditPage { entries, after });
            }
            month = month.saturating_sub(1.month());
        }
        // Nothing for so long: the next request goes on before the months that were looked through.
        let next = month.saturating_add(1.month()).at(0, 0, 0, 0).to_zoned_datetime(TimeZone::UTC);
        let after = next.ok().map(|next| AuditId::new(next.timestamp(), 0));
        Ok(AuditPage { entries, after })
    }

    /// Entries of a month before an id.
    async fn audit_month(
        &self,
        partition: String,
        before: Option<AuditId>,
        most: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let query = self
            .dynamo
            .query()
            .table_name(&*self.table)
            .expression_attribute_values(":pk", s(partition))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        let query = match before {
            Some(id) => query
                .key_condition_expression("pk = :pk AND sk < :before")
                .expression_attribute_values(":before", s(id.to_string())),
            None => query.key_condition_expression("pk = :pk"),
        };
        let page = query.send().await.map_err(|error| StoreError::call("Query", error))?;
        page.items.unwrap_or_default().into_iter().map(|item| item::read("audit entry", item)).collect()
    }
}

impl Commit {
    /// Adds an entry of the audit log.
    pub fn audited(self, entry: &Entry) -> Self {
        self.put_new(item::write("audit entry", &table::audit(entry.org, entry.id), entry))
    }
}
