//! The bounded cache that the verbs use as well.

pub(crate) use app::bounded_cache::BoundedCache;
