//! Deduplication keys: a repeated firing costs one conditional update.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::alert::AlertStatus;
use domain::alert::key::{EventFacts, KeyRow};
use domain::id::{OrgId, SourceId};
use jiff::{SignedDuration, Timestamp};

use crate::error::StoreError;
use crate::item::{self, key_item, n, s};
use crate::{Commit, Store, table};

/// The result of touching a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyTouch {
    /// The event repeats the firing alert; it was counted, and nothing else is to be done.
    Repeated,
    /// The event is something else; this is the key's row.
    Row(Option<Box<KeyRow>>),
}

/// How long the row of a resolved key is stored: longer than a queue keeps messages.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 15);

impl Store {
    /// Reads the row of a key.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn key(&self, org: OrgId, source: SourceId, hash: &str) -> Result<Option<KeyRow>, StoreError> {
        self.load("key", &table::key(org, source, hash)).await
    }

    /// Counts a repeated firing; otherwise returns the key's row. A repeat costs one write and no read.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn touch_key(
        &self,
        org: OrgId,
        source: SourceId,
        hash: &str,
        arrival: &EventFacts,
    ) -> Result<KeyTouch, StoreError> {
        let key = table::key(org, source, hash);
        if arrival.status != AlertStatus::Firing {
            return Ok(KeyTouch::Row(self.load("key", &key).await?.map(Box::new)));
        }
        let condition = "#status = :firing AND #content = :content \
            AND (#at < :at OR (#at = :at AND #event < :event))";
        let touched = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(&key)))
            .update_expression(
                "SET #at = :at, #event = :event, #received = :received ADD #count :one, #version :one",
            )
            .condition_expression(condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#content", "content")
            .expression_attribute_names("#at", "at")
            .expression_attribute_names("#event", "event")
            .expression_attribute_names("#received", "received_at")
            .expression_attribute_names("#count", "count")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":firing", s("firing"))
            .expression_attribute_values(":content", s(&arrival.content))
            .expression_attribute_values(":at", n(arrival.at.as_millisecond()))
            .expression_attribute_values(":event", s(arrival.event.to_string()))
            .expression_attribute_values(":received", n(arrival.received_at.as_millisecond()))
            .expression_attribute_values(":one", n(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = touched else { return Ok(KeyTouch::Repeated) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let row = failed.item().cloned().map(|item| item::read("key", item)).transpose()?;
                Ok(KeyTouch::Row(row.map(Box::new)))
            }
            _ => Err(StoreError::call("UpdateItem", error)),
        }
    }
}

impl Commit {
    /// Adds the new row of a key, if the stored one is still the one decided on.
    pub fn key(
        self,
        org: OrgId,
        source: SourceId,
        hash: &str,
        known: Option<&KeyRow>,
        row: &KeyRow,
        now: Timestamp,
    ) -> Self {
        let item = item::write("key", &table::key(org, source, hash), row).map(|mut item| {
            if row.status != AlertStatus::Firing {
                let until = now.saturating_add(REMEMBERED).map_or(i64::MAX, |at| at.as_second());
                item.insert(table::TTL.to_owned(), n(until));
            }
            item
        });
        match known {
            None => self.put_new(item),
            Some(known) => self.put_if(item, Some("version = :expected"), &[(":expected", n(known.version))]),
        }
    }
}
