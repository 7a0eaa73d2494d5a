//! The only crate that knows Lambda.
