//! Every function in one process: what Lambda's event source mappings do, without Lambda.

pub mod demo;
pub mod functions;
pub mod home;
pub mod mailbox;
pub mod options;
pub mod queues;
pub mod runner;
pub mod smtp;
pub mod web;

pub use runner::{Feed, Invoke, Plain, PlainFeed, Runner};
