//! A cache of bounded size: when it is full, it removes the entry that was not used for the longest time.

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

/// A cache with a largest number of entries, which the requests of one process share.
pub struct BoundedCache<K, V> {
    entries: Mutex<LruCache<K, V>>,
    capacity: usize,
}

impl<K: Hash + Eq, V: Clone> BoundedCache<K, V> {
    /// Creates an empty cache. It uses no memory for entries that it does not contain yet.
    pub fn new(capacity: usize) -> Self {
        Self { entries: Mutex::new(LruCache::unbounded()), capacity }
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<V> {
        self.lock().get(key).cloned()
    }

    /// Stores the value of a key.
    pub fn insert(&self, key: K, value: V) {
        self.update(|entries| drop(entries.put(key, value)));
    }

    /// Removes a key.
    pub fn remove(&self, key: &K) {
        self.lock().pop(key);
    }

    /// Changes the entries in one step, and then removes those over the capacity.
    pub fn update<T>(&self, change: impl FnOnce(&mut LruCache<K, V>) -> T) -> T {
        let mut entries = self.lock();
        let result = change(&mut entries);
        while entries.len() > self.capacity {
            entries.pop_lru();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_cache_removes_the_entry_that_was_not_used_for_the_longest_time() {
        let cache = BoundedCache::new(2);
        cache.insert("a", 1);
        cache.insert("b", 2);
        assert_eq!(cache.get(&"a"), Some(1));

        cache.insert("c", 3);

        assert_eq!((cache.get(&"a"), cache.get(&"b"), cache.get(&"c")), (Some(1), None, Some(3)));
    }

    #[test]
    fn removed_key_has_no_value() {
        let cache = BoundedCache::new(2);
        cache.insert("a", 1);

        cache.remove(&"a");

        assert_eq!(cache.get(&"a"), None);
    }
}
