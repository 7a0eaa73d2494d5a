//! Expiries: a row beside the alert, which an index finds when it is due.

use domain::alert::expiry::Expiry;
use domain::id::{AlertId, OrgId};
use jiff::Timestamp;

use crate::error::StoreError;
use crate::item::{self, Item, key_item, n, s};
use crate::{Commit, Store, table};

/// The item, with its entry in the index.
fn item(org: OrgId, id: AlertId, expiry: &Expiry) -> Result<Item, StoreError> {
    let mut item = item::write("lapse", &table::expiry(org, id), expiry)?;
    item.insert(table::DUE_PK.to_owned(), s(table::due_partition(id.shard(table::DUE_SHARDS))));
    item.insert(table::DUE_SK.to_owned(), s(table::due_sort(expiry.due)));
    Ok(item)
}

impl Store {
    /// The expiry of an alert, if it has one.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn expiry(&self, org: OrgId, id: AlertId) -> Result<Option<Expiry>, StoreError> {
        self.load("lapse", &table::expiry(org, id)).await
    }

    /// Moves the expiry of an alert to a later time, unless it was moved already.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn move_expiry(
        &self,
        (org, id): (OrgId, AlertId),
        expiry: &Expiry,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = self
            .dynamo
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item(org, id, &Expiry { due, ..*expiry })?))
            .condition_expression("#due = :before")
            .expression_attribute_names("#due", "due")
            .expression_attribute_values(":before", n(expiry.due.as_millisecond()))
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

    /// Removes the expiry of an alert.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn remove_expiry(&self, org: OrgId, id: AlertId) -> Result<(), StoreError> {
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
    /// Adds the expiry of an alert.
    pub fn expiry(self, org: OrgId, id: AlertId, expiry: &Expiry) -> Self {
        self.put(item(org, id, expiry))
    }

    /// Adds the removal of an expiry.
    pub fn expired(self, org: OrgId, id: AlertId) -> Self {
        self.delete(&table::expiry(org, id))
    }
}
