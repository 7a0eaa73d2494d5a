//! One verb in one place: load, decide, commit.
