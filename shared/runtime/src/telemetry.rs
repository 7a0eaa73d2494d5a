//! Logs and metrics, with the same names everywhere.

mod emf;
mod metrics;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

pub use emf::Emf;
pub use metrics::{Metrics, Sample};

/// Starts logging to standard error; a second call changes nothing.
pub fn start_logging(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _already = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).try_init(),
        LogFormat::Text => builder.compact().with_target(false).try_init(),
    };
}
