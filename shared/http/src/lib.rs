//! Extract, app verb, present.
