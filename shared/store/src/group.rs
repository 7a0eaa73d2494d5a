//! Groups of alerts: their rows, and their firing members.

use domain::Timestamp;
use domain::alert::Alert;
use domain::alert::group::GroupRow;
use domain::id::{AlertId, OrgId};
use jiff::SignedDuration;
use serde::Serialize;

use crate::error::StoreError;
use crate::item::{self, key_item, n, s};
use crate::{Commit, Store, table};

/// How long a group is stored after its window: longer than a queue keeps messages.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 15);

/// The row of a group's member; everything is in its key.
#[derive(Serialize)]
struct MemberRow {}

/// When the database may delete an item of a group.
fn ttl(until: Timestamp) -> i64 {
    until.saturating_add(REMEMBERED).map_or(i64::MAX, |at| at.as_second())
}

impl Store {
    /// Reads the row of a group.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn group(&self, org: OrgId, hash: &str) -> Result<Option<GroupRow>, StoreError> {
        self.load("group", &table::group(org, hash)).await
    }

    /// Extends a group's window, unless a newer episode started or the window already reaches that far.
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

    /// A firing alert of a group, if there is one.
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
    /// Adds a new episode of a group, if the row is still the one decided on.
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

    /// Adds an alert to the firing members of its group.
    pub fn member(self, org: OrgId, first: AlertId, id: AlertId) -> Self {
        self.put(item::write("member", &table::member(org, first, id), &MemberRow {}))
    }

    /// Removes a resolved alert from the unrouted ones and from its group.
    pub fn alert_over(self, alert: &Alert) -> Self {
        let commit = self.no_longer_unrouted(alert.org, alert.id);
        match alert.group {
            Some(first) => commit.delete(&table::member(alert.org, first, alert.id)),
            None => commit,
        }
    }
}
