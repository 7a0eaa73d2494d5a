//! The registry of alert sources: verify and parse.
