//! Pages.

mod stand_in;

pub mod send;
