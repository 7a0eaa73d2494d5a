//! Logs, metrics, spans and error reports, with the same names everywhere.

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

/// The exporter that is flushed before each response. It is not set if nothing is exported, and with `cargo local`,
/// whose process is never frozen.
static BEFORE_FREEZE: OnceLock<Arc<Exporter>> = OnceLock::new();

/// From now on, exports telemetry before each response, because Lambda may freeze the process afterwards.
pub(crate) fn flush_before_freeze(exporter: Arc<Exporter>) {
    let _already = BEFORE_FREEZE.set(exporter);
}

/// Exports the collected telemetry, if an exporter is set. It takes a bounded time, and never fails.
pub(crate) async fn flush() {
    if let Some(exporter) = BEFORE_FREEZE.get() {
        Box::pin(exporter.flush()).await;
    }
}

/// Whether a log filter is valid. With an invalid filter, [`start_logging`] uses the level `info`.
pub fn is_valid_filter(filter: &str) -> bool {
    filter.parse::<Targets>().is_ok()
}

/// Starts logging to standard error. A second call has no effect.
///
/// A filter has levels and targets, for example `info,store=debug`. Filters by span and field would need regular
/// expressions, which add a quarter of a megabyte to each function.
pub fn start_logging(filter: &str, format: LogFormat, exporter: Option<&Arc<Exporter>>) {
    let filter = filter.parse::<Targets>().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => lines.compact().with_target(false).boxed(),
    };
    let lines = lines.with_filter(filter).boxed();
    let layers = match exporter {
        // Telemetry is exported whatever the log level is.
        Some(exporter) => vec![lines, exporter.layer().with_filter(LevelFilter::INFO).boxed()].boxed(),
        None => lines,
    };
    let _already = tracing_subscriber::registry().with(layers).try_init();
}
