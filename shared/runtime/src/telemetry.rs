//! Logs and metrics, with the same names everywhere.

mod emf;
mod metrics;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::LogFormat;

pub use emf::Emf;
pub use metrics::{Metrics, Sample};

/// Starts logging to standard error; a second call changes nothing.
///
/// A filter names targets and levels, as `info,store=debug`; one of spans and fields would need regular expressions,
/// which are a quarter of a megabyte in each function.
pub fn start_logging(filter: &str, format: LogFormat) {
    let filter = filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => lines.compact().with_target(false).boxed(),
    };
    let _already = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}
