//! Groups of alerts: what is known of one, and which of its alerts are going on.

use domain::Timestamp;
use domain::alert::Alert;
use domain::alert::group::GroupRow;
use domain::id::{AlertId, OrgId};
use jiff::SignedDuration;
use serde::Serialize;

use crate::error::StoreError;
use crate::item::{self, key_item, n, s};
use crate::{Commit, Store, table};

/// How long a group is remembered past its window: longer than a queue keeps messages.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 15);

/// An alert of a group; its key says everything.
#[derive(Serialize)]
struct Member {}

/// When an item of a group may vanish.
fn ttl(until: Timestamp) -> i64 {
    until.saturating_add(REMEMBERED).map_or(i64::MAX, |at| at.as_second())
}

impl Store {
    /// Reads what is known of a group.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn group(&self, org: OrgId, hash: &str) -> Result<Option<GroupRow>, StoreError> {
        self.load("group", &table::group(org, hash)).await
    }

    /// Moves a group's window on, unless the group is another by now or its window is as far already.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn move_group_on(
        &self,
        org: OrgId,
        hash: &str,
        row: &GroupRow,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(&table::group(org, hash))))
            .update_expression("SET #until = :until, #ttl = :ttl")
            .condition_expression("#version = :version AND #until < :until")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#ttl", table::TTL)
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":until", n(until.as_millisecond()))
            .expression_attribute_values(":ttl", n(ttl(until)))
            .expression_attribute_values(":version", n(row.version))
            .send()
            .await;
        match moved {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|it| it.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::call("UpdateItem", error)),
        }
    }

    /// An alert of a group that is going on, if there is any.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn member(&self, org: OrgId, first: AlertId) -> Result<Option<AlertId>, StoreError> {
        let found = self
            .dynamo
            .query()
            .table_name(&*self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(table::member(org, first, first).pk))
            .consistent_read(true)
            .limit(1)
            .send()
            .await
            .map_err(|error| StoreError::call("Query", error))?;
        let id = found.items().first().and_then(|item| item.get(table::SK)?.as_s().ok()?.parse().ok());
        Ok(id)
    }
}

impl Commit {
    /// Adds a group's new episode, if what is known of the group is still what was decided on.
    pub fn group(self, org: OrgId, hash: &str, known: Option<&GroupRow>, row: &GroupRow) -> Self {
        let item = item::write("group", &table::group(org, hash), row).map(|mut item| {
            item.insert(table::TTL.to_owned(), n(ttl(row.until)));
            item
        });
        match known {
            None => self.put_new(item),
            Some(known) => self.put_if(item, Some("version = :expected"), &[(":expected", n(known.version))]),
        }
    }

    /// Adds an alert to those of its group that are going on.
    pub fn member(self, org: OrgId, first: AlertId, id: AlertId) -> Self {
        self.put(item::write("member", &table::member(org, first, id), &Member {}))
    }

    /// Removes an alert that is over from wherever alerts wait.
    pub fn alert_over(self, alert: &Alert) -> Self {
        let commit = self.no_longer_unrouted(alert.org, alert.id);
        match alert.group {
            Some(first) => commit.delete(&table::member(alert.org, first, alert.id)),
            None => commit,
        }
    }
}
