//! Heartbeats: a ping is one write and touches no index.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::id::{OrgId, SourceId};
use domain::source::heartbeat::Heartbeat;
use jiff::Timestamp;

use crate::error::StoreError;
use crate::item::{self, key_item, n, s};
use crate::{Store, table};

/// The result of a ping.
#[derive(Debug)]
pub enum Pinged {
    /// The ping was counted.
    Counted,
    /// The ping changes the state; this is the heartbeat's row.
    Known(Option<Heartbeat>),
}

impl Store {
    /// Reads a heartbeat, if it was ever pinged.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn heartbeat(&self, org: OrgId, source: SourceId) -> Result<Option<Heartbeat>, StoreError> {
        self.load("heartbeat", &table::heartbeat(org, source)).await
    }

    /// Counts a ping of a healthy heartbeat; otherwise returns its row.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn ping(&self, org: OrgId, source: SourceId, now: Timestamp) -> Result<Pinged, StoreError> {
        let counted = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(&table::heartbeat(org, source))))
            .update_expression("SET #last = :now ADD #version :one")
            .condition_expression("#state = :healthy")
            .expression_attribute_names("#last", "last_ping_at")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":now", n(now.as_millisecond()))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":healthy", s("healthy"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = counted else { return Ok(Pinged::Counted) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let known = failed.item().cloned().map(|item| item::read("heartbeat", item)).transpose()?;
                Ok(Pinged::Known(known))
            }
            _ => Err(StoreError::call("UpdateItem", error)),
        }
    }
}
