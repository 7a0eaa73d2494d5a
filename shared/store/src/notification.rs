//! Notifications.

use domain::id::{EscalationId, OrgId};
use domain::notification::Notification;

use crate::error::StoreError;
use crate::{Store, table};

impl Store {
    /// Reads a notification.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn notification(
        &self,
        org: OrgId,
        escalation: EscalationId,
        id: &str,
    ) -> Result<Option<Notification>, StoreError> {
        self.load("notification", &table::notification(org, escalation, id)).await
    }
}
