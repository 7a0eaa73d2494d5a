//! All functions in one process: does what Lambda's event source mappings do, without Lambda.

pub mod data_dir;
pub mod demo;
pub mod error;
pub mod functions;
pub mod monitoring;
pub mod options;
pub mod queues;
pub mod received_mail;
pub mod runner;
pub mod sent_mail;
pub mod smtp_server;
pub mod startup_text;

pub use runner::{CheckpointedReader, DirectInvoker, Invoker, Runner, StreamReader};
