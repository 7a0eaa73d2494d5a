//! Who may do what, and what they are told.
