//! API keys: listed by id, and found by the hash of their token.

use domain::api_key::{ApiKey, KeyHolder};
use domain::audit::AuditEntry;
use domain::id::{ApiKeyId, OrgId};

use crate::error::StoreError;
use crate::item::{self, n};
use crate::table::{self, Lookup};
use crate::{Commit, Store};

impl Store {
    /// The holder of the API key with this hash.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn key_holder(&self, hash: &str) -> Result<Option<KeyHolder>, StoreError> {
        self.load("look-up", &table::lookup(Lookup::ApiKey, hash)).await
    }

    /// Reads an API key.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn api_key(&self, org: OrgId, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        self.load("API key", &table::api_key(org, id)).await
    }

    /// API keys after an id.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn api_keys_after(
        &self,
        org: OrgId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<ApiKey>, StoreError> {
        self.configured("API key", org, table::API_KEY, after, most).await
    }
}

impl Commit {
    /// Adds a new API key and its holder row.
    pub fn new_api_key(self, key: &ApiKey, entry: &AuditEntry) -> Self {
        let holder =
            item::write("look-up", &table::lookup(Lookup::ApiKey, &key.hash), &key.holder(entry.org));
        self.put_new(item::write("API key", &table::api_key(entry.org, key.id), key))
            .put_new(holder)
            .audited(entry)
    }

    /// Adds the next version of an API key; its previous hash is removed.
    pub fn api_key(self, before: &ApiKey, key: &ApiKey, entry: &AuditEntry) -> Self {
        let item = item::write("API key", &table::api_key(entry.org, key.id), key);
        let commit = self.put_if(item, Some("version = :before"), &[(":before", n(before.version))]);
        let commit = if before.hash == key.hash {
            commit
        } else {
            commit.delete(&table::lookup(Lookup::ApiKey, &before.hash))
        };
        let holder =
            item::write("look-up", &table::lookup(Lookup::ApiKey, &key.hash), &key.holder(entry.org));
        commit.put(holder).audited(entry)
    }

    /// Adds the removal of an API key.
    pub fn without_api_key(self, key: &ApiKey, entry: &AuditEntry) -> Self {
        let place = table::api_key(entry.org, key.id);
        self.delete_if(&place, "version = :before", &[(":before", n(key.version))])
            .delete(&table::lookup(Lookup::ApiKey, &key.hash))
            .audited(entry)
    }
}
