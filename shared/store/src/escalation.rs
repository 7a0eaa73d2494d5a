//! Escalations with their history and notifications.

use domain::escalation::Escalation;
use domain::id::{EscalationId, OrgId};
use domain::notification::Notification;

use crate::error::StoreError;
use crate::item::{self, Item, s};
use crate::record::History;
use crate::{Store, table};

/// An escalation with everything that happened to it.
#[derive(Debug, Clone)]
pub struct EscalationStory {
    /// The escalation.
    pub escalation: Escalation,
    /// Its history, oldest first.
    pub history: Vec<History>,
    /// Its notifications, in order of creation.
    pub notifications: Vec<Notification>,
}

impl Store {
    /// Reads an escalation.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn escalation(&self, org: OrgId, id: EscalationId) -> Result<Option<Escalation>, StoreError> {
        self.load("escalation", &table::escalation(org, id)).await
    }

    /// Reads an escalation with its history and notifications. Both end with the escalation, so the query is bounded.
    /// The rows of notification attempts are not read.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn escalation_with_story(
        &self,
        org: OrgId,
        id: EscalationId,
    ) -> Result<Option<EscalationStory>, StoreError> {
        let mut escalation = None;
        let mut history = Vec::new();
        let mut notifications = Vec::new();
        for item in self.partition(&table::escalation(org, id).pk, table::BEYOND_STORY).await? {
            let sort = item.get(table::SK).and_then(|sk| sk.as_s().ok()).cloned().unwrap_or_default();
            if sort.starts_with(table::HISTORY) {
                history.push(item::read("history", item)?);
            } else if sort.starts_with(table::NOTIFICATION) {
                notifications.push(item::read("page", item)?);
            } else if sort == table::HEAD {
                history.extend(birth(&item));
                escalation = Some(item::read("escalation", item)?);
            }
        }
        history.sort_by_key(|row: &History| row.version);
        Ok(escalation.map(|escalation| EscalationStory { escalation, history, notifications }))
    }

    /// Reads an escalation's history and notifications.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn escalation_story(
        &self,
        org: OrgId,
        id: EscalationId,
    ) -> Result<(Vec<History>, Vec<Notification>), StoreError> {
        let story = self.escalation_with_story(org, id).await?;
        Ok(story.map(|story| (story.history, story.notifications)).unwrap_or_default())
    }

    /// Reads a partition of bounded size up to a sort key.
    async fn partition(&self, pk: &str, beyond: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let notification = self
                .dynamo
                .query()
                .table_name(&*self.table)
                .key_condition_expression("pk = :pk AND sk < :beyond")
                .expression_attribute_values(":pk", s(pk))
                .expression_attribute_values(":beyond", s(beyond))
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| StoreError::call("Query", error))?;
            items.extend(notification.items.unwrap_or_default());
            from = notification.last_evaluated_key;
            if from.is_none() {
                return Ok(items);
            }
        }
    }
}

/// The creation, which is stored in the head.
pub(crate) fn birth(head: &Item) -> Option<History> {
    let text = |name: &str| head.get(name).and_then(|value| value.as_s().ok()).cloned();
    Some(History {
        version: 1,
        from: None,
        to: text("born")?,
        at: text("created_at")?.parse().ok()?,
        by: text("by")?,
        why: text("why")?,
        note: None,
    })
}
