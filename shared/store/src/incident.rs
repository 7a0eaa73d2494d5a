//! Incidents and their numbers.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::id::{IncidentId, OrgId};
use domain::incident::Incident;

use crate::error::StoreError;
use crate::item::{key_item, n};
use crate::{Store, table};

impl Store {
    /// The next number of an incident. Gaps are allowed, so a lost answer costs nothing but a number.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn next_incident_number(&self, org: OrgId) -> Result<u64, StoreError> {
        let counted = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(&table::counter(org, "incident"))))
            .update_expression("ADD #n :one")
            .expression_attribute_names("#n", "n")
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|error| StoreError::call("UpdateItem", error))?;
        let number = counted.attributes.and_then(|item| item.get("n")?.as_n().ok()?.parse().ok());
        number.ok_or_else(|| StoreError::Item { kind: "counter", source: "it has no number".into() })
    }

    /// Reads an incident.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn incident(&self, org: OrgId, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.load("incident", &table::incident(org, id)).await
    }
}
