//! The one-process runner.
