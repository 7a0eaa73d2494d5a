//! What belongs to an incident beside the alert that opened it: alerts that joined, escalations that somebody began.
//!
//! A row says only that something was about to belong to the incident. Whoever follows one reads what it leads to, and
//! sees whether that names the incident.

use std::str::FromStr;

use domain::id::{AlertId, EscalationId, IncidentId, OrgId};
use domain::incident::Incident;
use serde::Serialize;

use crate::error::StoreError;
use crate::item::{self, Item};
use crate::{Commit, Store, table};

/// Something that belongs to an incident; its key says everything.
#[derive(Serialize)]
struct Attached {}

/// The row of an alert that joins an incident.
pub(crate) fn alert_item(org: OrgId, incident: IncidentId, alert: AlertId) -> Result<Item, StoreError> {
    item::write("attached alert", &table::attached_alert(org, incident, alert), &Attached {})
}

impl Commit {
    /// Adds that an alert was of an incident.
    pub fn attached_alert(self, org: OrgId, incident: IncidentId, id: AlertId) -> Self {
        self.put(alert_item(org, incident, id))
    }

    /// Adds that an escalation belongs to an incident.
    pub fn attached_escalation(self, org: OrgId, incident: IncidentId, id: EscalationId) -> Self {
        let key = table::attached_escalation(org, incident, id);
        self.put(item::write("attached escalation", &key, &Attached {}))
    }
}

impl Store {
    /// The newest alerts that joined an incident.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn attached_alerts(
        &self,
        org: OrgId,
        incident: IncidentId,
        most: usize,
    ) -> Result<Vec<AlertId>, StoreError> {
        self.attached(org, incident, table::ATTACHED_ALERT, most).await
    }

    /// Says whether an alert was ever of an incident.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn was_attached(
        &self,
        org: OrgId,
        incident: &Incident,
        id: AlertId,
    ) -> Result<bool, StoreError> {
        let key = table::attached_alert(org, incident.id, id);
        Ok(incident.alert == Some(id) || self.get(&key).await?.is_some())
    }

    /// The newest escalations that were begun for an incident, beside those of its alerts.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn attached_escalations(
        &self,
        org: OrgId,
        incident: IncidentId,
        most: usize,
    ) -> Result<Vec<EscalationId>, StoreError> {
        self.attached(org, incident, table::ATTACHED_ESCALATION, most).await
    }

    /// The newest rows of a kind.
    async fn attached<T: FromStr>(
        &self,
        org: OrgId,
        incident: IncidentId,
        kind: &str,
        most: usize,
    ) -> Result<Vec<T>, StoreError> {
        let found = self.last_of(table::incident(org, incident).pk, kind, most).await?;
        let id = |item: &Item| item.get(table::SK)?.as_s().ok()?.strip_prefix(kind)?.parse().ok();
        Ok(found.iter().filter_map(id).collect())
    }
}
