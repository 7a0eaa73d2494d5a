//! Logs, metrics, spans and errors, with the same names everywhere.

mod emf;
mod export;
mod layer;
mod metrics;
mod otlp;
mod scrub;
mod sentry;
mod settings;

use std::sync::{Arc, OnceLock};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::LogFormat;

pub use emf::Emf;
pub use export::Exporter;
pub use metrics::{Metrics, Sample};
pub use settings::Settings;

/// What is flushed before each answer; nothing where nothing is exported, and on one machine, which is never frozen.
static BEFORE_FREEZE: OnceLock<Arc<Exporter>> = OnceLock::new();

/// From now on, sends what was gathered before an answer leaves: then Lambda may freeze the process.
pub(crate) fn flush_before_freeze(exporter: Arc<Exporter>) {
    let _already = BEFORE_FREEZE.set(exporter);
}

/// Sends what was gathered, if anything is exported; bounded in time, and never a failure.
pub(crate) async fn flush() {
    if let Some(exporter) = BEFORE_FREEZE.get() {
        Box::pin(exporter.flush()).await;
    }
}

/// Whether a filter of log levels can be read. [`start_logging`] logs at level `info` if it cannot.
pub fn is_valid_filter(filter: &str) -> bool {
    filter.parse::<Targets>().is_ok()
}

/// Starts logging to standard error; a second call changes nothing.
///
/// A filter names targets and levels, as `info,store=debug`; one of spans and fields would need regular expressions,
/// which are a quarter of a megabyte in each function.
pub fn start_logging(filter: &str, format: LogFormat, exporter: Option<&Arc<Exporter>>) {
    let filter = filter.parse::<Targets>().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => lines.compact().with_target(false).boxed(),
    };
    let lines = lines.with_filter(filter).boxed();
    let layers = match exporter {
        // What is exported does not depend on what is logged.
        Some(exporter) => vec![lines, exporter.layer().with_filter(LevelFilter::INFO).boxed()].boxed(),
        None => lines,
    };
    let _already = tracing_subscriber::registry().with(layers).try_init();
}
