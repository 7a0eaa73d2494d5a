//! The pages for people, over the embedded database.

mod acknowledge;
mod support;
