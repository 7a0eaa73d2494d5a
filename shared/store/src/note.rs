//! Notes and tags: a row for each note, and on the alert its tags and the number of notes.
//!
//! The alert's state and version stay. A transition of the alert writes only the attributes that it changes.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use domain::alert::Alert;
use domain::alert::note::{MOST_NOTES, Note};
use domain::id::{AlertId, OrgId};
use machine::CommitError;

use crate::error::StoreError;
use crate::item::{self, n, s};
use crate::{Commit, Store, table};

impl Store {
    /// The newest notes of an alert.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn notes(&self, org: OrgId, alert: AlertId, most: usize) -> Result<Vec<Note>, StoreError> {
        let found = self.last_of(table::alert(org, alert).pk, table::NOTE, most).await?;
        found.into_iter().map(|row| item::read("note", row)).collect()
    }

    /// Replaces the tags of an alert; the last write wins.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if there is no such alert, [`CommitError::Store`] if the database failed.
    pub async fn tag(&self, org: OrgId, alert: AlertId, tags: &[String]) -> Result<(), CommitError> {
        let tags = AttributeValue::L(tags.iter().map(s).collect());
        let sent = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(item::key_item(&table::alert(org, alert))))
            .update_expression("SET #tags = :tags")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#tags", "tags")
            .expression_attribute_values(":tags", tags)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(CommitError::Conflict)
            }
            Err(error) => Err(StoreError::call("UpdateItem", error).into()),
        }
    }
}

impl Commit {
    /// Adds a note, if the alert does not have too many.
    pub fn note(self, org: OrgId, alert: AlertId, note: &Note) -> Self {
        let count = Update::builder()
            .set_key(Some(item::key_item(&table::alert(org, alert))))
            .update_expression("ADD #notes :one")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(#notes) OR #notes < :most)")
            .expression_attribute_names("#notes", "notes")
            .expression_attribute_values(":one", n(1_u64))
            .expression_attribute_values(":most", n(MOST_NOTES));
        self.put_new(item::write("note", &table::note(org, alert, note.id), note)).update(count)
    }

    /// Adds that an alert belongs to an incident or to none, if its incident has not changed since.
    pub fn belongs(self, alert: &Alert, incident: Option<domain::id::IncidentId>) -> Self {
        let key = table::alert(alert.org, alert.id);
        let update = Update::builder()
            .set_key(Some(item::key_item(&key)))
            .expression_attribute_names("#incident", "incident");
        let update = match incident {
            Some(id) => update
                .update_expression("SET #incident = :after")
                .expression_attribute_values(":after", s(id.to_string())),
            None => update.update_expression("REMOVE #incident"),
        };
        let update = match alert.incident {
            Some(id) => update
                .condition_expression("#incident = :before")
                .expression_attribute_values(":before", s(id.to_string())),
            None => update.condition_expression("attribute_exists(pk) AND attribute_not_exists(#incident)"),
        };
        let commit = self.update(update);
        match incident {
            Some(id) => commit.put(crate::attached::alert_item(alert.org, id, alert.id)),
            None => commit,
        }
    }
}
