//! How long an alert lasts unless it is sent again: a row beside the alert, found when its time has come.

use domain::alert::expiry::Expiry;
use domain::id::{AlertId, OrgId};
use jiff::Timestamp;

use crate::error::StoreError;
use crate::item::{self, Item, key_item, n, s};
use crate::{Commit, Store, table};

/// The item, with its entry in the index.
fn item(org: OrgId, id: AlertId, lapse: &Expiry) -> Result<Item, StoreError> {
    let mut item = item::write("lapse", &table::expiry(org, id), lapse)?;
    item.insert(table::DUE_PK.to_owned(), s(table::due_partition(id.shard(table::DUE_SHARDS))));
    item.insert(table::DUE_SK.to_owned(), s(table::due_sort(lapse.due)));
    Ok(item)
}

impl Store {
    /// How long an alert lasts, if it does not last until it is resolved.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn lapse(&self, org: OrgId, id: AlertId) -> Result<Option<Expiry>, StoreError> {
        self.load("lapse", &table::expiry(org, id)).await
    }

    /// Looks at an alert later, unless somebody has moved its time already.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn move_lapse(
        &self,
        (org, id): (OrgId, AlertId),
        lapse: &Expiry,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = self
            .dynamo
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item(org, id, &Expiry { due, ..*lapse })?))
            .condition_expression("#due = :before")
            .expression_attribute_names("#due", "due")
            .expression_attribute_values(":before", n(lapse.due.as_millisecond()))
            .send()
            .await;
        match moved {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::call("PutItem", error)),
        }
    }

    /// Looks at an alert no more.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn forget_lapse(&self, org: OrgId, id: AlertId) -> Result<(), StoreError> {
        self.dynamo
            .delete_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(&table::expiry(org, id))))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::call("DeleteItem", error))
    }
}

impl Commit {
    /// Adds how long an alert lasts.
    pub fn lapse(self, org: OrgId, id: AlertId, lapse: &Expiry) -> Self {
        self.put(item(org, id, lapse))
    }

    /// Adds that an alert has lapsed.
    pub fn lapsed(self, org: OrgId, id: AlertId) -> Self {
        self.delete(&table::expiry(org, id))
    }
}
