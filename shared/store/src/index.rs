//! The two indexes: due jobs, and lists. Decisions never read an index: an item that it finds is read again.

use std::collections::HashMap;

use domain::Timestamp;
use domain::id::OrgId;
use domain::job::Job;

use crate::Store;
use crate::error::StoreError;
use crate::item::{Item, s};
use crate::table;

/// A row of the index of due jobs, found by the sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    /// When the job is due.
    pub at: Timestamp,
    /// The job; the key of its item if this version knows no such kind.
    pub job: Result<Job, String>,
}

/// An entry of a list, as the index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its state when the index was last updated.
    pub state: String,
    /// Its title.
    pub title: String,
}

/// The end at which a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// With the newest.
    Newest,
    /// With the oldest.
    Oldest,
}

/// How many pages of a shard one sweep reads at most. The rest waits for the next sweep.
const MOST_PAGES: usize = 10;

impl Store {
    /// The jobs of a shard that are due until then, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn due_until(&self, shard: u8, until: Timestamp) -> Result<Vec<DueRow>, StoreError> {
        let mut rows = Vec::new();
        let mut from: Option<HashMap<_, _>> = None;
        for _ in 0..MOST_PAGES {
            let page = self
                .dynamo
                .query()
                .table_name(&*self.table)
                .index_name(table::DUE_INDEX)
                .key_condition_expression("dpk = :shard AND dsk <= :until")
                .expression_attribute_values(":shard", s(table::due_partition(shard)))
                .expression_attribute_values(":until", s(table::due_sort(until)))
                .limit(500)
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::call("Query", error))?;
            rows.extend(page.items().iter().filter_map(due_row));
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(rows)
    }

    /// The number of shards of the index of due jobs.
    pub const fn due_shards() -> u8 {
        table::DUE_SHARDS
    }

    /// Lists entries of a kind beyond an id: a page of each shard, merged.
    pub(crate) async fn list(
        &self,
        org: OrgId,
        kind: &str,
        order: Order,
        beyond: Option<&str>,
        most: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let condition = match order {
            Order::Newest => "lpk = :shard AND lsk < :beyond",
            Order::Oldest => "lpk = :shard AND lsk > :beyond",
        };
        let mut listed = Vec::new();
        for shard in 0..table::LIST_SHARDS {
            let query = self
                .dynamo
                .query()
                .table_name(&*self.table)
                .index_name(table::LIST_INDEX)
                .expression_attribute_values(":shard", s(table::list_partition(org, kind, shard)))
                .scan_index_forward(order == Order::Oldest)
                .limit(i32::try_from(most).unwrap_or(i32::MAX));
            let query = match beyond {
                Some(id) => {
                    query.key_condition_expression(condition).expression_attribute_values(":beyond", s(id))
                }
                None => query.key_condition_expression("lpk = :shard"),
            };
            let page = query.send().await.map_err(|error| StoreError::call("Query", error))?;
            listed.extend(page.items().iter().filter_map(listed_row));
        }
        listed.sort_by(|a, b| match order {
            Order::Newest => b.id.cmp(&a.id),
            Order::Oldest => a.id.cmp(&b.id),
        });
        listed.truncate(most);
        Ok(listed)
    }

    /// The newest alerts.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn list_alerts(
        &self,
        org: OrgId,
        before: Option<&str>,
        most: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.list(org, "ALERT", Order::Newest, before, most).await
    }

    /// The newest escalations.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn list_escalations(
        &self,
        org: OrgId,
        before: Option<&str>,
        most: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let mut listed = self.list(org, table::OPEN_ESCALATIONS, Order::Newest, before, most).await?;
        listed.extend(self.list(org, table::ANSWERED_ESCALATIONS, Order::Newest, before, most).await?);
        listed.sort_by(|a, b| b.id.cmp(&a.id));
        // An escalation that was acknowledged a moment ago may be in both lists.
        listed.dedup_by(|a, b| a.id == b.id);
        listed.truncate(most);
        Ok(listed)
    }

    /// The newest escalations that nobody has acknowledged and that have not ended.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn open_escalations(&self, org: OrgId, most: usize) -> Result<Vec<Listed>, StoreError> {
        self.list(org, table::OPEN_ESCALATIONS, Order::Newest, None, most).await
    }

    /// The same, before one of them.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn open_escalations_before(
        &self,
        org: OrgId,
        before: Option<&str>,
        most: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.list(org, table::OPEN_ESCALATIONS, Order::Newest, before, most).await
    }

    /// Incidents from either end.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn list_incidents_by(
        &self,
        org: OrgId,
        order: Order,
        beyond: Option<&str>,
        most: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.list(org, "INCIDENT", order, beyond, most).await
    }
}

/// Text of an attribute.
fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A row of the index of due jobs.
fn due_row(item: &Item) -> Option<DueRow> {
    let at = Timestamp::from_millisecond(text(item, table::DUE_SK)?.parse().ok()?).ok()?;
    let (pk, sk) = (text(item, table::PK)?, text(item, table::SK)?);
    Some(DueRow { at, job: table::job_of(pk, sk).ok_or_else(|| format!("{pk} {sk}")) })
}

/// Reads a row of the list index.
fn listed_row(item: &Item) -> Option<Listed> {
    Some(Listed {
        id: text(item, table::LIST_SK)?.to_owned(),
        state: text(item, "state").unwrap_or_default().to_owned(),
        title: text(item, "title").unwrap_or_default().to_owned(),
    })
}
