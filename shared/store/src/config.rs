//! Configuration: organisations, people, paths, routes and sources. Every change increases the generation.

use aws_sdk_dynamodb::types::Update;
use domain::Timestamp;
use domain::alert_route::Route;
use domain::audit::AuditEntry;
use domain::escalation_path::Path;
use domain::id::{OrgId, PathId, RouteId, SourceId, UserId};
use domain::org::Org;
use domain::source::{DeliveryError, Source, SourceCredentials, SourceState};
use domain::user::User;
use jiff::SignedDuration;
use machine::Transition;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{self, Item, key_item, n, s};
use crate::table::{self, Key, Lookup};
use crate::{Commit, Store};

/// The row that finds a person by their email address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct EmailRow {
    org: OrgId,
    id: UserId,
}

/// The row of an installation's own organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct HomeRow {
    org: OrgId,
}

/// The condition that the stored version is the one decided on. The first version was once stored without a number.
const FOLLOWS: &str =
    "attribute_exists(pk) AND (version = :before OR (attribute_not_exists(version) AND :before = :zero))";

/// The installation's own organisation.
const HOME: &str = "default";

impl Store {
    /// The generation of an organisation's configuration.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn generation(&self, org: OrgId) -> Result<u64, StoreError> {
        let item = self.get(&table::generation(org)).await?;
        Ok(item.and_then(|item| item.get("n")?.as_n().ok()?.parse().ok()).unwrap_or(0))
    }

    /// The installation's own organisation.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn home(&self) -> Result<Option<OrgId>, StoreError> {
        let home: Option<HomeRow> = self.load("look-up", &table::lookup(Lookup::Home, HOME)).await?;
        Ok(home.map(|home| home.org))
    }

    /// Reads an organisation.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn org(&self, org: OrgId) -> Result<Option<Org>, StoreError> {
        self.load("organisation", &table::org(org)).await
    }

    /// Reads a person.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn user(&self, org: OrgId, id: UserId) -> Result<Option<User>, StoreError> {
        self.load("user", &table::user(org, id)).await
    }

    /// Reads a path at one version, or at its newest.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn path(
        &self,
        org: OrgId,
        id: PathId,
        version: Option<u64>,
    ) -> Result<Option<Path>, StoreError> {
        let key = match version {
            Some(version) => table::path_version(org, id, version),
            None => table::path(org, id),
        };
        self.load("path", &key).await
    }

    /// Reads a route.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn route(&self, org: OrgId, id: RouteId) -> Result<Option<Route>, StoreError> {
        self.load("route", &table::route(org, id)).await
    }

    /// Reads a source's configuration.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn source(&self, org: OrgId, id: SourceId) -> Result<Option<Source>, StoreError> {
        self.load("source", &table::source(org, id)).await
    }

    /// Every route, in order of creation, and the number of unreadable ones.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn routes(&self, org: OrgId) -> Result<(Vec<Route>, usize), StoreError> {
        let items = self.configured_items(org, table::ROUTE, None, usize::MAX).await?;
        let all = items.len();
        let routes: Vec<Route> =
            items.into_iter().filter_map(|item| item::read("route", item).ok()).collect();
        let unreadable = all - routes.len();
        Ok((routes, unreadable))
    }

    /// Routes after an id.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn routes_after(
        &self,
        org: OrgId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Route>, StoreError> {
        self.configured("route", org, table::ROUTE, after, most).await
    }

    /// Paths after an id.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn paths_after(
        &self,
        org: OrgId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Path>, StoreError> {
        self.configured("path", org, table::PATH, after, most).await
    }

    /// People after an id.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn users_after(
        &self,
        org: OrgId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<User>, StoreError> {
        self.configured("user", org, table::USER, after, most).await
    }

    /// Sources after an id.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn sources_after(
        &self,
        org: OrgId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Source>, StoreError> {
        self.configured("source", org, table::SOURCE, after, most).await
    }

    /// Reads configuration of a kind, in order of creation.
    pub(crate) async fn configured<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        org: OrgId,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<T>, StoreError> {
        let items = self.configured_items(org, prefix, after, most).await?;
        items.into_iter().map(|item| item::read(kind, item)).collect()
    }

    /// Reads configured items, in order of creation.
    pub(crate) async fn configured_items(
        &self,
        org: OrgId,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        let mut from: Option<Item> = None;
        // `~` sorts after every id.
        let (low, high) = (format!("{prefix}{}", after.unwrap_or_default()), format!("{prefix}~"));
        loop {
            let page = self
                .dynamo
                .query()
                .table_name(&*self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_values(":pk", s(table::config_partition(org)))
                .expression_attribute_values(":low", s(&low))
                .expression_attribute_values(":high", s(&high))
                .consistent_read(true)
                .limit(i32::try_from(most.saturating_add(1)).unwrap_or(1000).min(1000))
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::call("Query", error))?;
            for item in page.items.unwrap_or_default() {
                let is_low = item.get(table::SK).and_then(|sk| sk.as_s().ok()) == Some(&low);
                if !is_low && found.len() < most {
                    found.push(item);
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() || found.len() >= most {
                return Ok(found);
            }
        }
    }

    /// The credentials of a source: everything that its function reads.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn door(&self, id: SourceId) -> Result<Option<SourceCredentials>, StoreError> {
        self.load("look-up", &table::lookup(Lookup::Source, &id.to_string())).await
    }

    /// The credentials that a secret alone identifies, by its hash.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn door_of_key(&self, hash: &str) -> Result<Option<SourceCredentials>, StoreError> {
        self.load("look-up", &table::lookup(Lookup::SourceKey, hash)).await
    }

    /// Records when a source last delivered, unless that was recorded within the pause. Its state stays.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn source_delivered(
        &self,
        org: OrgId,
        id: SourceId,
        at: Timestamp,
        pause: SignedDuration,
    ) -> Result<(), StoreError> {
        let noted = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(&table::source(org, id))))
            .update_expression("SET #seen = :at")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(#seen) OR #seen < :before)")
            .expression_attribute_names("#seen", "last_delivery_at")
            .expression_attribute_values(":at", n(at.as_millisecond()))
            .expression_attribute_values(":before", n((at - pause).as_millisecond()))
            .send()
            .await;
        match noted {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::call("UpdateItem", error)),
        }
    }

    /// The person with an email address.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn person(&self, email: &str) -> Result<Option<(OrgId, UserId)>, StoreError> {
        let person: Option<EmailRow> =
            self.load("look-up", &table::lookup(Lookup::Email, &email.to_lowercase())).await?;
        Ok(person.map(|person| (person.org, person.id)))
    }
}

impl Commit {
    /// Increases the generation. Every change of configuration goes through this, so every one is in the audit log.
    pub(crate) fn next_generation(self, entry: &AuditEntry) -> Self {
        self.audited(entry).update(
            Update::builder()
                .set_key(Some(key_item(&table::generation(entry.org))))
                .update_expression("ADD #n :one")
                .expression_attribute_names("#n", "n")
                .expression_attribute_values(":one", n(1)),
        )
    }

    /// Adds the installation's own organisation.
    pub fn home(self, org: &Org) -> Self {
        let home = HomeRow { org: org.id };
        self.put_new(item::write("look-up", &table::lookup(Lookup::Home, HOME), &home)).org(org)
    }

    /// Adds another organisation.
    pub fn org(self, org: &Org) -> Self {
        self.put_new(item::write("organisation", &table::org(org.id), org))
    }

    /// Adds a new person, if no other person has their email address.
    pub fn new_user(self, user: &User, entry: &AuditEntry) -> Self {
        let org = entry.org;
        let person = EmailRow { org, id: user.id };
        let key = table::lookup(Lookup::Email, &user.email.to_lowercase());
        self.put_new(item::write("look-up", &key, &person))
            .put_new(item::write("user", &table::user(org, user.id), user))
            .next_generation(entry)
    }

    /// Adds the next version of a person.
    pub fn user(self, user: &User, entry: &AuditEntry) -> Self {
        let item = item::write("user", &table::user(entry.org, user.id), user);
        self.put_if(item, Some(FOLLOWS), &[(":before", n(user.version - 1)), (":zero", n(0))])
            .next_generation(entry)
    }

    /// Adds the removal of a person; their sessions stop working.
    pub fn without_user(self, user: &User, entry: &AuditEntry) -> Self {
        self.delete_if(
            &table::user(entry.org, user.id),
            FOLLOWS,
            &[(":before", n(user.version)), (":zero", n(0))],
        )
        .delete(&table::lookup(Lookup::Email, &user.email.to_lowercase()))
        .next_generation(entry)
    }

    /// Adds the next version of the organisation; another action of the commit increases the generation.
    pub fn org_changed(self, org: &Org) -> Self {
        let item = item::write("organisation", &table::org(org.id), org);
        self.put_if(item, Some(FOLLOWS), &[(":before", n(org.version - 1)), (":zero", n(0))])
    }

    /// Adds a version of a path: version 1 must be new, any other must follow the previous one.
    pub fn path(self, path: &Path, entry: &AuditEntry) -> Self {
        let org = entry.org;
        let key = table::path(org, path.id);
        let newest = item::write("path", &key, path);
        let newest = if path.version == 1 {
            self.put_new(newest)
        } else {
            self.put_if(newest, Some("version = :before"), &[(":before", n(path.version - 1))])
        };
        newest
            .put_new(item::write("path", &table::path_version(org, path.id, path.version), path))
            .next_generation(entry)
    }

    /// Adds the removal of a path. Its versions stay for escalations that run them.
    pub fn without_path(self, id: PathId, entry: &AuditEntry) -> Self {
        self.delete(&table::path(entry.org, id)).next_generation(entry)
    }

    /// Adds a version of a route: version 1 must be new, any other must follow the previous one.
    pub fn route(self, route: &Route, entry: &AuditEntry) -> Self {
        let item = item::write("route", &table::route(entry.org, route.id), route);
        let route = if route.version == 1 {
            self.put_new(item)
        } else {
            self.put_if(item, Some("version = :before"), &[(":before", n(route.version - 1))])
        };
        route.next_generation(entry)
    }

    /// Removes a route.
    pub fn without_route(self, id: RouteId, entry: &AuditEntry) -> Self {
        self.delete(&table::route(entry.org, id)).next_generation(entry)
    }

    /// Adds a transition of a source and its credentials; a deleted source has none. `before` is the source before the
    /// transition.
    pub fn source(self, step: Transition<Source>, before: Option<&Source>, entry: &AuditEntry) -> Self {
        let source = step.after().clone();
        let key = table::lookup(Lookup::Source, &source.id.to_string());
        let by_secret = |source: &Source| -> Vec<Key> {
            let before = source.previous.as_ref().and_then(|previous| previous.key.as_deref());
            let keys = source.key.as_deref().into_iter().chain(before);
            keys.map(|key| table::lookup(Lookup::SourceKey, key)).collect()
        };
        let (was, is) = (before.map(by_secret).unwrap_or_default(), by_secret(&source));
        let stepped = self.transition(step).next_generation(entry);
        let (stepped, is) = match source.head.state() {
            SourceState::Draft | SourceState::Active | SourceState::Disabled => {
                let stepped = stepped.put(item::write("look-up", &key, &source.door()));
                let own = ("attribute_not_exists(pk) OR id = :id", [(":id", s(source.id.to_string()))]);
                let doors = is.iter().fold(stepped, |stepped, key| {
                    stepped.put_if(item::write("look-up", key, &source.door()), Some(own.0), &own.1)
                });
                (doors, is)
            }
            SourceState::Destroyed => (stepped.delete(&key), Vec::new()),
        };
        was.iter().filter(|was| !is.contains(was)).fold(stepped, |stepped, key| stepped.delete(key))
    }

    /// Stores the last error of a source. Its state stays.
    pub fn source_error(self, org: OrgId, id: SourceId, error: &DeliveryError) -> Self {
        let update = Update::builder()
            .set_key(Some(key_item(&table::source(org, id))))
            .condition_expression("attribute_exists(pk)")
            .update_expression("SET #error = :error")
            .expression_attribute_names("#error", "last_error");
        match serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(error) {
            Ok(error) => self.update(update.expression_attribute_values(":error", error)),
            Err(_) => self,
        }
    }
}
