//! Caches an organisation's configuration while its generation stays the same.
//!
//! One consistent read of the generation tells whether the cache is still valid: a new route counts for the very next
//! alert, and an unchanged configuration costs one read.

use std::hash::Hash;
use std::sync::Arc;

use domain::Timestamp;
use domain::alert::Attribute;
use domain::alert_route::Route;
use domain::choice::Configured;
use domain::escalation::{PathRef, Responders};
use domain::escalation_path::{Level, Path};
use domain::id::{OrgId, PathId, SourceId, UserId};
use domain::org::Org;
use domain::source::Source;
use domain::user::User;
use jiff::SignedDuration;
use store::{Store, StoreError};
use tracing::warn;

use crate::AppError;
use crate::bounded_cache::BoundedCache;

/// A cache of the configurations of organisations.
#[derive(Clone)]
pub struct Rules {
    store: Store,
    snapshots: Arc<BoundedCache<OrgId, Arc<Snapshot>>>,
    deliveries: Arc<BoundedCache<SourceId, Timestamp>>,
}

/// How many organisations are cached.
const MOST_ORGS: usize = 64;

/// How many sources' last deliveries are remembered.
const MOST_SOURCES: usize = 1024;

/// How many values of a kind are cached for an organisation.
const MOST_VALUES: usize = 4096;

/// A cache of values by key; it also remembers that a value does not exist.
type Memo<K, V> = BoundedCache<K, Option<Arc<V>>>;

/// An organisation's configuration at one generation.
pub struct Snapshot {
    generation: u64,
    /// The organisation.
    pub org: Org,
    /// Its routes, in order.
    pub routes: Vec<Route>,
    /// How many routes cannot be read. While there are any, unrouted alerts notify the fallback contact.
    pub unreadable: usize,
    store: Store,
    users: Memo<UserId, User>,
    paths: Memo<(PathId, Option<u64>), Path>,
    sources: Memo<SourceId, Source>,
    attributes: Memo<(), Vec<Configured<Attribute>>>,
}

impl Rules {
    /// An empty cache.
    pub fn new(store: Store) -> Self {
        let snapshots = Arc::new(BoundedCache::new(MOST_ORGS));
        let deliveries = Arc::new(BoundedCache::new(MOST_SOURCES));
        Self { store, snapshots, deliveries }
    }

    /// Says whether this process last recorded a delivery of the source longer than `pause` ago, and remembers that it
    /// does now.
    pub fn seen(&self, source: SourceId, at: Timestamp, pause: SignedDuration) -> bool {
        self.deliveries.update(|last| {
            if last.get(&source).is_some_and(|last| at.duration_since(*last) < pause) {
                return false;
            }
            last.put(source, at);
            true
        })
    }

    /// The current configuration of an organisation.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if there is no such organisation; otherwise what the store says.
    pub async fn of(&self, org: OrgId) -> Result<Arc<Snapshot>, AppError> {
        let generation = self.store.generation(org).await?;
        let cached = self.snapshots.get(&org);
        if let Some(snapshot) = cached.filter(|snapshot| snapshot.generation == generation) {
            return Ok(snapshot);
        }
        // The configuration is read after the generation, so it is at least as new, and the next change increases the
        // generation.
        let found = self.store.org(org).await?.ok_or_else(|| AppError::not_found("organisation", org))?;
        let (routes, unreadable) = self.store.routes(org).await?;
        let snapshot = Arc::new(Snapshot { generation, routes, unreadable, ..self.bare(found) });
        self.snapshots.insert(org, snapshot.clone());
        Ok(snapshot)
    }
}

impl Rules {
    /// The organisation without its routes: what is needed to notify the fallback contact.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if there is no such organisation; otherwise what the store says.
    pub async fn without(&self, org: OrgId) -> Result<Arc<Snapshot>, AppError> {
        let found = self.store.org(org).await?.ok_or_else(|| AppError::not_found("organisation", org))?;
        Ok(Arc::new(self.bare(found)))
    }

    fn bare(&self, org: Org) -> Snapshot {
        Snapshot {
            generation: 0,
            org,
            routes: Vec::new(),
            unreadable: 0,
            store: self.store.clone(),
            users: Memo::new(MOST_VALUES),
            paths: Memo::new(MOST_VALUES),
            sources: Memo::new(MOST_VALUES),
            attributes: Memo::new(MOST_VALUES),
        }
    }
}

/// Returns a cached value, or reads it.
async fn remember<K: Copy + Eq + Hash, V>(
    memo: &Memo<K, V>,
    key: K,
    read: impl Future<Output = Result<Option<V>, StoreError>>,
) -> Result<Option<Arc<V>>, StoreError> {
    if let Some(cached) = memo.get(&key) {
        return Ok(cached);
    }
    let found = read.await?.map(Arc::new);
    memo.insert(key, found.clone());
    Ok(found)
}

/// Treats an unreadable item as absent, so that the rest is still handled and somebody is notified.
pub(crate) fn readable<T>(found: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Err(fault @ StoreError::Item { .. }) => {
            warn!(%fault, "unreadable item skipped");
            Ok(None)
        }
        Ok(_) | Err(StoreError::Call { .. }) => found,
    }
}

impl Snapshot {
    /// A source's configuration.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn source(&self, id: SourceId) -> Result<Option<Arc<Source>>, StoreError> {
        remember(&self.sources, id, self.store.source(self.org.id, id)).await
    }

    /// The organisation's alert attributes; read once a generation, and only if a source binds one.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn attributes(&self) -> Result<Arc<Vec<Configured<Attribute>>>, StoreError> {
        let read = async { self.store.choices::<Attribute>(self.org.id).await.map(Some) };
        Ok(remember(&self.attributes, (), read).await?.unwrap_or_default())
    }

    /// A path at one version, or at its newest.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn path(&self, id: PathId, version: Option<u64>) -> Result<Option<Arc<Path>>, StoreError> {
        remember(&self.paths, (id, version), self.store.path(self.org.id, id, version)).await
    }

    /// A person.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn user(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
        remember(&self.users, id, self.store.user(self.org.id, id)).await
    }

    /// The fallback contact, or the owner if that person is gone.
    async fn fallback(&self) -> Result<Option<UserId>, StoreError> {
        for id in [self.org.fallback, self.org.owner] {
            if readable(self.user(id).await)?.is_some() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The levels that an escalation runs, and the people whom they name.
    ///
    /// An unreadable path or person counts as deleted, so that the fallback contact is notified: an escalation that
    /// waited for it to become readable would notify nobody.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn levels(&self, plan: &PathRef) -> Result<(Vec<Level>, Responders), StoreError> {
        let path = match plan {
            PathRef::Path { id, version } => readable(self.path(*id, Some(*version)).await)?,
            PathRef::Users(_) | PathRef::Fallback => None,
        };
        let mut staff = Responders { fallback: self.fallback().await?, ..Responders::default() };
        let levels = domain::escalation::levels_of(plan, path.as_deref(), &staff);
        let named = levels.iter().flat_map(|level| &level.targets).map(|target| target.user);
        for id in named.chain(staff.fallback) {
            if let Some(user) = readable(self.user(id).await)? {
                staff.users.insert(id, (*user).clone());
            }
        }
        Ok((levels, staff))
    }
}
