//! Incidents and their numbers.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::id::{EscalationId, IncidentId, OrgId};
use domain::incident::{Incident, Note};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{self, Item, key_item, n, s};
use crate::record::History;
use crate::{Commit, Store, table};

/// Whose number it is.
#[derive(Serialize, Deserialize)]
struct Number {
    id: IncidentId,
}

/// An escalation that somebody began for an incident.
#[derive(Serialize, Deserialize)]
struct Called {
    escalation: EscalationId,
}

impl Commit {
    /// Adds that an escalation was begun for an incident.
    pub fn called(self, org: OrgId, incident: IncidentId, escalation: EscalationId) -> Self {
        self.put(item::write("call", &table::called(org, incident, escalation), &Called { escalation }))
    }
}

/// The row of a number.
pub(crate) fn number_item(org: OrgId, number: u64, id: IncidentId) -> Result<Item, StoreError> {
    item::write("incident's number", &table::incident_number(org, number), &Number { id })
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

    /// Keeps whose number this is. Should the incident not come to be, or come to be under another number, the row
    /// leads to nothing: whoever follows it compares.
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
        let row: Option<Number> =
            self.load("incident's number", &table::incident_number(org, number)).await?;
        let Some(Number { id }) = row else { return Ok(None) };
        Ok(self.incident(org, id).await?.filter(|incident| incident.number == number))
    }

    /// Reads an incident's history before a version, the newest first: at most so many rows, and nothing of its birth.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn incident_history(
        &self,
        org: OrgId,
        id: IncidentId,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<History<Note>>, StoreError> {
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
    ) -> Result<Option<History<Note>>, StoreError> {
        self.load("history", &table::incident(org, id).history(version)).await
    }

    /// The escalations that somebody began for an incident, oldest first: at most so many.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn called_for(
        &self,
        org: OrgId,
        id: IncidentId,
        most: usize,
    ) -> Result<Vec<EscalationId>, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&*self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(table::called_partition(org, id)))
            .consistent_read(true)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::call("Query", error))?;
        let rows = page.items.unwrap_or_default().into_iter();
        rows.map(|row| item::read("call", row).map(|called: Called| called.escalation)).collect()
    }

    /// Reads an incident.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn incident(&self, org: OrgId, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.load("incident", &table::incident(org, id)).await
    }
}
