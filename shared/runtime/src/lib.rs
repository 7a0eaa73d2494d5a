//! The only crate that knows Lambda: configuration, telemetry, and the way from an event to a verb.

mod aws;
mod channels;
pub mod config;
mod context;
mod function;
mod lambda;
mod mailbox;
mod resource;
mod slack_app;
pub mod telemetry;
mod web;

pub use aws::clients_elsewhere;
pub use channels::channels;
pub use config::{Config, ConfigError};
pub use context::{Ports, context};
pub use function::{
    BoxFuture, Delivery, Failure, Function, Http, QueueHandler, ScheduleHandler, StreamHandler,
};
pub use function::{http, schedule, sqs, sqs_from_outside, stream, tick, worker};
pub use lambda::{run, run_receiver, run_sender, system_clock, system_random};
pub use lambda_runtime::Error;
pub use resource::serve as serve_resource;
pub use resource::{Change, Made, ResourceAnswer, ResourceHandler, ResourceRequest, resource};
pub use slack_app::slack_app;
pub use telemetry::Metrics;
pub use web::{Tracing, observed};
