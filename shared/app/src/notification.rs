//! Pages.

mod fallback_email;

pub mod send;
