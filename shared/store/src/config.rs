//! Configuration: organisations, people, paths, routes, sources. Every change counts up the generation.

use aws_sdk_dynamodb::types::Update;
use domain::Timestamp;
use domain::alert_route::Route;
use domain::audit::Entry;
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

/// A person found by their address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Person {
    org: OrgId,
    id: UserId,
}

/// The one organisation of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Home {
    org: OrgId,
}

/// The condition that what is stored is at the version decided on; the first one was not numbered once.
const FOLLOWS: &str =
    "attribute_exists(pk) AND (version = :before OR (attribute_not_exists(version) AND :before = :zero))";

/// The organisation of an installation that has one.
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

    /// The organisation of an installation that has one.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn home(&self) -> Result<Option<OrgId>, StoreError> {
        let home: Option<Home> = self.load("look-up", &table::lookup(Lookup::Home, HOME)).await?;
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

    /// Every route, in order of creation, and how many there are that this version cannot read.
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

    /// Reads configured things of a kind, in order of creation.
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

    /// The door of a source: all that its function reads.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn door(&self, id: SourceId) -> Result<Option<SourceCredentials>, StoreError> {
        self.load("look-up", &table::lookup(Lookup::Source, &id.to_string())).await
    }

    /// The door that a secret alone leads to, by its hash.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn door_of_key(&self, hash: &str) -> Result<Option<SourceCredentials>, StoreError> {
        self.load("look-up", &table::lookup(Lookup::SourceKey, hash)).await
    }

    /// Notes when a source delivered, unless that was noted within the pause; its state is not touched.
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

    /// The person of this address.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn person(&self, email: &str) -> Result<Option<(OrgId, UserId)>, StoreError> {
        let person: Option<Person> =
            self.load("look-up", &table::lookup(Lookup::Email, &email.to_lowercase())).await?;
        Ok(person.map(|person| (person.org, person.id)))
    }
}

impl Commit {
    /// Counts up the generation: every change of configuration carries this.
    ///
    /// And so every one of them is in the audit log.
    pub(crate) fn next_generation(self, entry: &Entry) -> Self {
        self.audited(entry).update(
            Update::builder()
                .set_key(Some(key_item(&table::generation(entry.org))))
                .update_expression("ADD #n :one")
                .expression_attribute_names("#n", "n")
                .expression_attribute_values(":one", n(1)),
        )
    }

    /// Adds a new organisation, the only one of its installation.
    pub fn home(self, org: &Org) -> Self {
        let home = Home { org: org.id };
        self.put_new(item::write("look-up", &table::lookup(Lookup::Home, HOME), &home)).org(org)
    }

    /// Adds a new organisation beside others.
    pub fn org(self, org: &Org) -> Self {
        self.put_new(item::write("organisation", &table::org(org.id), org))
    }

    /// Adds a new person, whose address nobody else has.
    pub fn new_user(self, user: &User, entry: &Entry) -> Self {
        let org = entry.org;
        let person = Person { org, id: user.id };
        let key = table::lookup(Lookup::Email, &user.email.to_lowercase());
        self.put_new(item::write("look-up", &key, &person))
            .put_new(item::write("user", &table::user(org, user.id), user))
            .next_generation(entry)
    }

    /// Changes a person who is there.
    pub fn user(self, user: &User, entry: &Entry) -> Self {
        let item = item::write("user", &table::user(entry.org, user.id), user);
        self.put_if(item, Some(FOLLOWS), &[(":before", n(user.version - 1)), (":zero", n(0))])
            .next_generation(entry)
    }

    /// Removes a person; whoever they were signed in as is nobody from then on.
    pub fn without_user(self, user: &User, entry: &Entry) -> Self {
        self.delete_if(
            &table::user(entry.org, user.id),
            FOLLOWS,
            &[(":before", n(user.version)), (":zero", n(0))],
        )
        .delete(&table::lookup(Lookup::Email, &user.email.to_lowercase()))
        .next_generation(entry)
    }

    /// Changes the organisation itself, beside what counts up its generation.
    pub fn org_changed(self, org: &Org) -> Self {
        let item = item::write("organisation", &table::org(org.id), org);
        self.put_if(item, Some(FOLLOWS), &[(":before", n(org.version - 1)), (":zero", n(0))])
    }

    /// Adds a path's version: version 1 is new, any other follows the one before.
    pub fn path(self, path: &Path, entry: &Entry) -> Self {
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

    /// Removes a path; its versions stay for the escalations that began on them.
    pub fn without_path(self, id: PathId, entry: &Entry) -> Self {
        self.delete(&table::path(entry.org, id)).next_generation(entry)
    }

    /// Adds a route: version 1 is new, any other follows the one before.
    pub fn route(self, route: &Route, entry: &Entry) -> Self {
        let item = item::write("route", &table::route(entry.org, route.id), route);
        let route = if route.version == 1 {
            self.put_new(item)
        } else {
            self.put_if(item, Some("version = :before"), &[(":before", n(route.version - 1))])
        };
        route.next_generation(entry)
    }

    /// Removes a route.
    pub fn without_route(self, id: RouteId, entry: &Entry) -> Self {
        self.delete(&table::route(entry.org, id)).next_generation(entry)
    }

    /// Adds a step of a source's configuration and the doors that go with it; a destroyed one has none. `before` is
    /// the source as it was.
    pub fn source(self, step: Transition<Source>, before: Option<&Source>, entry: &Entry) -> Self {
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

    /// Keeps the last error of a source; its state is not touched.
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
