//! An organisation's configuration, kept while its generation stays the same.
//!
//! One read of the generation, never stale, tells whether what is kept still holds: a new route counts for the very
//! next alert, and an unchanged configuration costs one read.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

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

/// The configurations of the organisations that this process has seen lately.
#[derive(Clone)]
pub struct Rules {
    store: Store,
    kept: Arc<Mutex<HashMap<OrgId, Arc<Snapshot>>>>,
    seen: Arc<Mutex<HashMap<SourceId, Timestamp>>>,
}

/// How many organisations are kept.
const MOST: usize = 64;

/// What was read once under a key, absence included.
type Memo<K, V> = Mutex<HashMap<K, Option<Arc<V>>>>;

/// An organisation's configuration at one generation.
pub struct Snapshot {
    generation: u64,
    /// The organisation.
    pub org: Org,
    /// Its routes, in order.
    pub routes: Vec<Route>,
    /// How many routes there are that cannot be read: what they would have taken pages the fallback contact.
    pub unreadable: usize,
    store: Store,
    users: Memo<UserId, User>,
    paths: Memo<(PathId, Option<u64>), Path>,
    sources: Memo<SourceId, Source>,
    attributes: Memo<(), Vec<Configured<Attribute>>>,
}

impl Rules {
    /// Keeps nothing yet.
    pub fn new(store: Store) -> Self {
        Self { store, kept: Arc::default(), seen: Arc::default() }
    }

    /// Says whether this process has not noted a delivery of the source for so long, and remembers that it does now.
    pub fn seen(&self, source: SourceId, at: Timestamp, pause: SignedDuration) -> bool {
        let mut seen = lock(&self.seen);
        if seen.get(&source).is_some_and(|last| at.duration_since(*last) < pause) {
            return false;
        }
        if seen.len() >= MOST * 16 {
            seen.clear();
        }
        seen.insert(source, at);
        true
    }

    /// The configuration as it is now.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if there is no such organisation; otherwise what the store says.
    pub async fn of(&self, org: OrgId) -> Result<Arc<Snapshot>, AppError> {
        let generation = self.store.generation(org).await?;
        let kept = lock(&self.kept).get(&org).cloned();
        if let Some(snapshot) = kept.filter(|snapshot| snapshot.generation == generation) {
            return Ok(snapshot);
        }
        // Read after the generation: what is read is at least as new, and the next change counts further up.
        let found = self.store.org(org).await?.ok_or_else(|| AppError::not_found("organisation", org))?;
        let (routes, unreadable) = self.store.routes(org).await?;
        let snapshot = Arc::new(Snapshot { generation, routes, unreadable, ..self.bare(found) });
        let mut kept = lock(&self.kept);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(org, snapshot.clone());
        Ok(snapshot)
    }
}

impl Rules {
    /// The organisation and nothing of its rules: all that is needed to page the fallback contact.
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
            users: Memo::default(),
            paths: Memo::default(),
            sources: Memo::default(),
            attributes: Memo::default(),
        }
    }
}

/// Locks; what is kept is only ever replaced whole, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks up what was read before, or reads it.
async fn remember<K: Copy + Eq + Hash, V>(
    memo: &Memo<K, V>,
    key: K,
    read: impl Future<Output = Result<Option<V>, StoreError>>,
) -> Result<Option<Arc<V>>, StoreError> {
    let known = lock(memo).get(&key).cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let found = read.await?.map(Arc::new);
    lock(memo).insert(key, found.clone());
    Ok(found)
}

/// Does without what is there but cannot be read: what else is known still counts, and pages somebody.
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

    /// The attributes that alerts may have; read once a generation, and only where a source binds one.
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

    /// The levels of a plan, and the people whom they name.
    ///
    /// What cannot be read is as if it were gone, so that the fallback contact is paged: an escalation that waited for
    /// it to become readable would page nobody at all.
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
