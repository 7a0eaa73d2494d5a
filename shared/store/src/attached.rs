//! What belongs to an incident in addition to the alert that opened it: alerts that joined, and escalations.
//!
//! A row only says that the object was about to belong to the incident. Readers follow the row and check whether the
//! object names the incident.

use std::str::FromStr;

use domain::id::{AlertId, EscalationId, IncidentId, OrgId};
use domain::incident::Incident;
use serde::Serialize;

use crate::error::StoreError;
use crate::item::{self, Item};
use crate::{Commit, Store, table};

/// A row of an object that belongs to an incident; everything is in its key.
#[derive(Serialize)]
struct AttachedRow {}

/// The row of an alert that joins an incident.
pub(crate) fn alert_item(org: OrgId, incident: IncidentId, alert: AlertId) -> Result<Item, StoreError> {
    item::write("attached alert", &table::attached_alert(org, incident, alert), &AttachedRow {})
}

impl Commit {
    /// Adds the row of an alert that belongs, or belonged, to an incident.
    pub fn attached_alert(self, org: OrgId, incident: IncidentId, id: AlertId) -> Self {
        self.put(alert_item(org, incident, id))
    }

    /// Adds the row of an escalation that belongs to an incident.
    pub fn attached_escalation(self, org: OrgId, incident: IncidentId, id: EscalationId) -> Self {
        let key = table::attached_escalation(org, incident, id);
        self.put(item::write("attached escalation", &key, &AttachedRow {}))
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

    /// Says whether an alert ever belonged to an incident.
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

    /// The newest escalations that were started for an incident, without those of its opening alert.
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
