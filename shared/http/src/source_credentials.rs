//! A cache of the credentials with which a source's function verifies deliveries.
//!
//! A forged request reads a source's credentials at most once in five seconds. So does a request for an unknown id or
//! secret. A malformed id reads nothing. Unknown ids and secrets have a cache of their own, so that a flood of them does
//! not remove the credentials of real sources.

use app::{AppError, Context};
use domain::Timestamp;
use domain::id::SourceId;
use domain::source::SourceCredentials;
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::bounded_cache::BoundedCache;

/// How long cached credentials are valid.
const VALID: SignedDuration = SignedDuration::from_secs(30);

/// How long it is remembered that there are no credentials, and how long cached credentials are valid after a
/// verification with them has failed.
const VALID_IN_DOUBT: SignedDuration = SignedDuration::from_secs(5);

/// Most entries of each cache.
const CAPACITY: usize = 4096;

/// Shortest time between two reports of failed deliveries of one source.
const REPORT_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// The credentials of a source with their secrets decrypted.
#[derive(Clone)]
pub(crate) struct OpenedCredentials {
    /// The stored credentials.
    pub(crate) stored: SourceCredentials,
    /// The current secret.
    pub(crate) secret: SecretString,
    previous: Option<SecretString>,
}

impl OpenedCredentials {
    /// Decrypts the secrets of stored credentials.
    fn open(ctx: &Context, stored: SourceCredentials) -> Result<Self, AppError> {
        let open = |sealed: &str| app::source::open_secret(&ctx.seal, stored.id, sealed);
        let secret = open(&stored.secret)?;
        let previous = stored.previous.as_ref().map(|previous| open(&previous.secret)).transpose()?;
        Ok(Self { stored, secret, previous })
    }

    /// The secret before the last rotation, if it is still valid at this time.
    pub(crate) fn previous(&self, at: Timestamp) -> Option<&SecretString> {
        let is_valid = self.stored.previous.as_ref().is_some_and(|previous| previous.holds(at));
        self.previous.as_ref().filter(|_| is_valid)
    }
}

/// How the credentials of a source are found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum CredentialsKey {
    /// By the id of the source.
    Id(SourceId),
    /// By the hash of its secret.
    SecretHash(String),
}

/// The credentials that were read lately, the keys that lead to no credentials, and the sources whose failed deliveries
/// were reported.
pub(crate) struct CredentialsCache {
    known: BoundedCache<CredentialsKey, (OpenedCredentials, Timestamp)>,
    unknown: BoundedCache<CredentialsKey, Timestamp>,
    reported: BoundedCache<SourceId, Timestamp>,
}

impl Default for CredentialsCache {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl CredentialsCache {
    fn new(capacity: usize) -> Self {
        let (known, unknown) = (BoundedCache::new(capacity), BoundedCache::new(capacity));
        Self { known, unknown, reported: BoundedCache::new(capacity) }
    }

    /// Finds the credentials for a key. With `in_doubt`, after a failed verification, they are read again unless that
    /// happened in the last seconds.
    pub(crate) async fn find(
        &self,
        ctx: &Context,
        key: &CredentialsKey,
        in_doubt: bool,
    ) -> Result<Option<OpenedCredentials>, AppError> {
        let now = ctx.now();
        if let Some(cached) = self.cached(key, in_doubt, now) {
            return Ok(cached);
        }
        let stored = match key {
            CredentialsKey::Id(id) => ctx.store.door(*id).await?,
            CredentialsKey::SecretHash(hash) => ctx.store.door_of_key(hash).await?,
        };
        let opened = stored.map(|stored| OpenedCredentials::open(ctx, stored)).transpose()?;
        self.keep(key, opened.clone(), now);
        Ok(opened)
    }

    /// The cached result for a key: credentials, or that there are none. `None` if it must be read.
    fn cached(
        &self,
        key: &CredentialsKey,
        in_doubt: bool,
        now: Timestamp,
    ) -> Option<Option<OpenedCredentials>> {
        if let Some((opened, read_at)) = self.known.get(key) {
            let valid = if in_doubt { VALID_IN_DOUBT } else { VALID };
            return (now.duration_since(read_at) < valid).then_some(Some(opened));
        }
        let read_at = self.unknown.get(key)?;
        (now.duration_since(read_at) < VALID_IN_DOUBT).then_some(None)
    }

    /// Caches the result for a key.
    fn keep(&self, key: &CredentialsKey, opened: Option<OpenedCredentials>, read_at: Timestamp) {
        match opened {
            Some(opened) => {
                self.unknown.remove(key);
                self.known.insert(key.clone(), (opened, read_at));
            }
            None => {
                self.known.remove(key);
                self.unknown.insert(key.clone(), read_at);
            }
        }
    }

    /// Whether a failed delivery of a source may be reported now. If so, remembers that it is.
    pub(crate) fn may_report(&self, id: SourceId, now: Timestamp) -> bool {
        self.reported.update(|reported| {
            if reported.get(&id).is_some_and(|last| now.duration_since(*last) < REPORT_INTERVAL) {
                return false;
            }
            reported.put(id, now);
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::source::SourceKind;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn opened(id: SourceId) -> OpenedCredentials {
        let stored = SourceCredentials {
            org: domain::id::OrgId::new(NOW, 1),
            id,
            name: String::new(),
            kind: SourceKind("http".to_owned()),
            secret: String::new(),
            open: true,
            draft: false,
            previous: None,
        };
        OpenedCredentials { stored, secret: "secret".into(), previous: None }
    }

    #[test]
    fn unknown_ids_do_not_remove_the_credentials_of_real_sources() {
        let cache = CredentialsCache::new(8);
        let real = SourceId::new(NOW, 0);
        cache.keep(&CredentialsKey::Id(real), Some(opened(real)), NOW);

        for n in 1..=100 {
            cache.keep(&CredentialsKey::Id(SourceId::new(NOW, n)), None, NOW);
            cache.keep(&CredentialsKey::SecretHash(n.to_string()), None, NOW);
        }

        let cached = cache.cached(&CredentialsKey::Id(real), true, NOW);
        assert_eq!(cached.flatten().map(|found| found.stored.id), Some(real));
        let newest = CredentialsKey::SecretHash("100".to_owned());
        assert!(cache.cached(&newest, false, NOW).is_some_and(|found| found.is_none()));
        let oldest = CredentialsKey::Id(SourceId::new(NOW, 1));
        assert!(cache.cached(&oldest, false, NOW).is_none(), "unknown ids are bounded, too");
    }

    #[test]
    fn credentials_are_cached_for_a_while_and_shorter_in_doubt_or_if_there_are_none() {
        let cache = CredentialsCache::new(8);
        let (real, unknown) = (SourceId::new(NOW, 0), CredentialsKey::Id(SourceId::new(NOW, 1)));
        let key = CredentialsKey::Id(real);
        cache.keep(&key, Some(opened(real)), NOW);
        cache.keep(&unknown, None, NOW);
        let after = |seconds| NOW + SignedDuration::from_secs(seconds);

        assert!(cache.cached(&key, false, after(29)).is_some());
        assert!(cache.cached(&key, false, after(30)).is_none());
        assert!(cache.cached(&key, true, after(4)).is_some());
        assert!(cache.cached(&key, true, after(5)).is_none());
        assert!(cache.cached(&unknown, false, after(4)).is_some());
        assert!(cache.cached(&unknown, false, after(5)).is_none());
        cache.keep(&unknown, Some(opened(real)), after(5));
        cache.keep(&key, None, after(5));
        assert!(cache.cached(&unknown, false, after(20)).flatten().is_some());
        assert!(cache.cached(&key, false, after(6)).is_some_and(|found| found.is_none()));
    }
}
