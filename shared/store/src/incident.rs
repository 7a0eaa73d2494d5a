//! Incidents and their numbers.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::id::{IncidentId, OrgId};
use domain::incident::{ChangeNote, Incident};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{self, Item, key_item, n, s};
use crate::record::History;
use crate::{Store, table};

/// The incident of a number.
#[derive(Serialize, Deserialize)]
struct NumberRow {
    id: IncidentId,
}

/// The row of a number.
pub(crate) fn number_item(org: OrgId, number: u64, id: IncidentId) -> Result<Item, StoreError> {
    item::write("incident's number", &table::incident_number(org, number), &NumberRow { id })
}

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

    /// Stores the incident of a number. If the incident is never created, or is created with another number, the row
    /// points to nothing: readers compare the numbers.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn put_incident_number(
        &self,
        org: OrgId,
        number: u64,
        id: IncidentId,
    ) -> Result<(), StoreError> {
        self.dynamo
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(number_item(org, number, id)?))
            .send()
            .await
            .map_err(|error| StoreError::call("PutItem", error))?;
        Ok(())
    }

    /// Reads an incident by its number.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn incident_by_number(&self, org: OrgId, number: u64) -> Result<Option<Incident>, StoreError> {
        let row: Option<NumberRow> =
            self.load("incident's number", &table::incident_number(org, number)).await?;
        let Some(NumberRow { id }) = row else { return Ok(None) };
        Ok(self.incident(org, id).await?.filter(|incident| incident.number == number))
    }

    /// Reads an incident's history before a version, newest first: at most `most` rows, without its creation.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn incident_history(
        &self,
        org: OrgId,
        id: IncidentId,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<History<ChangeNote>>, StoreError> {
        let last = match before {
            Some(before) => table::history_sort(before.saturating_sub(1)),
            // `~` sorts after every digit.
            None => format!("{}~", table::HISTORY),
        };
        let page = self
            .dynamo
            .query()
            .table_name(&*self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", s(table::incident(org, id).pk))
            .expression_attribute_values(":first", s(table::history_sort(0)))
            .expression_attribute_values(":last", s(last))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::call("Query", error))?;
        page.items.unwrap_or_default().into_iter().map(|item| item::read("history", item)).collect()
    }

    /// Reads one row of an incident's history.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn incident_step(
        &self,
        org: OrgId,
        id: IncidentId,
        version: u64,
    ) -> Result<Option<History<ChangeNote>>, StoreError> {
        self.load("history", &table::incident(org, id).history(version)).await
    }

    /// Reads an incident.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn incident(&self, org: OrgId, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.load("incident", &table::incident(org, id)).await
    }
}
