//! Pages.

pub mod send;
