//! The pages for people, over the embedded database.

mod acknowledge;
mod dashboard;
mod session;
mod support;
mod weather;
