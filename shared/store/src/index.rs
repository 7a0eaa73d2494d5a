//! The two indexes: what is due, and what is listed. Decisions never read them; what they find is read again.

use std::collections::HashMap;

use domain::Timestamp;
use domain::id::{AlertId, EscalationId, OrgId, SignInId, SourceId};
use domain::slack::{StepId, Thread};

use crate::Store;
use crate::error::StoreError;
use crate::item::{Item, s};
use crate::table::{self, Due};

/// Something that is due, found by the sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueRow {
    /// An escalation whose level's time is up.
    Escalation(OrgId, EscalationId),
    /// A page to be sent.
    Page(OrgId, EscalationId, String),
    /// An alert whose escalations are owed the news of its end.
    Alert(OrgId, AlertId),
    /// An alert that may have lapsed.
    Expiry(OrgId, AlertId),
    /// A step that is owed to Slack.
    Slack(OrgId, Thread, StepId),
    /// A job that may not have been heard of.
    Heartbeat(OrgId, SourceId),
    /// A backfill of a source that has a step to do.
    Backfill(OrgId, SourceId),
    /// A link to sign in that is owed.
    SignIn(SignInId),
}

/// A listed thing, as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its state when the index last heard.
    pub state: String,
    /// Its title.
    pub title: String,
}

/// Which end a list begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// With the newest.
    Newest,
    /// With the oldest.
    Oldest,
}

/// How many pages of a shard one sweep reads at most; what is left waits a minute.
const MAX_NOTIFICATIONS: usize = 10;

impl Store {
    /// What is due until then, oldest first within a shard.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn due_until(
        &self,
        shard: u8,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, DueRow)>, StoreError> {
        let mut rows = Vec::new();
        let mut from: Option<HashMap<_, _>> = None;
        for _ in 0..MAX_NOTIFICATIONS {
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

    /// How many shards of due things there are.
    pub const fn due_shards() -> u8 {
        table::DUE_SHARDS
    }

    /// Lists things of a kind beyond an id: a page of each shard, merged.
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
        // One that was answered a moment ago may be in both.
        listed.dedup_by(|a, b| a.id == b.id);
        listed.truncate(most);
        Ok(listed)
    }

    /// The newest escalations that still need somebody.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn open_escalations(&self, org: OrgId, most: usize) -> Result<Vec<Listed>, StoreError> {
        self.list(org, table::OPEN_ESCALATIONS, Order::Newest, None, most).await
    }

    /// The newest escalations that still need somebody, before one of them.
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

/// Reads a row of the due index; what this version does not know of is skipped.
fn due_row(item: &Item) -> Option<(Timestamp, DueRow)> {
    let at = Timestamp::from_millisecond(text(item, table::DUE_SK)?.parse().ok()?).ok()?;
    let row = match table::due_of(text(item, table::PK)?, text(item, table::SK)?)? {
        Due::Escalation(org, id) => DueRow::Escalation(org, id),
        Due::Page(org, escalation, id) => DueRow::Page(org, escalation, id),
        Due::Alert(org, id) => DueRow::Alert(org, id),
        Due::Expiry(org, id) => DueRow::Expiry(org, id),
        Due::Slack(org, thread, step) => DueRow::Slack(org, thread, step),
        Due::Heartbeat(org, id) => DueRow::Heartbeat(org, id),
        Due::Backfill(org, id) => DueRow::Backfill(org, id),
        Due::SignIn(id) => DueRow::SignIn(id),
    };
    Some((at, row))
}

/// Reads a row of the list index.
fn listed_row(item: &Item) -> Option<Listed> {
    Some(Listed {
        id: text(item, table::LIST_SK)?.to_owned(),
        state: text(item, "state").unwrap_or_default().to_owned(),
        title: text(item, "title").unwrap_or_default().to_owned(),
    })
}
