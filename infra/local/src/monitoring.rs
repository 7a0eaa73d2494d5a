//! Health and metrics: `/healthz` and `/metrics`, which only `cargo local` serves.

use std::sync::Arc;

use app::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use embedded::Counts;
use runtime::Metrics;
use runtime::telemetry::Sample;

/// The state behind `/healthz` and `/metrics`.
#[derive(Clone)]
pub struct MonitoringState {
    /// The metrics of state transitions.
    pub metrics: Arc<Metrics>,
    /// The counted calls to the embedded AWS services.
    pub counts: Arc<Counts>,
    /// The database, for the health check.
    pub context: Context,
}

/// The routes of health and metrics.
pub fn router(state: MonitoringState) -> axum::Router {
    axum::Router::new().route("/healthz", get(healthy)).route("/metrics", get(metrics)).with_state(state)
}

async fn healthy(State(state): State<MonitoringState>) -> (StatusCode, &'static str) {
    match state.context.store.home().await {
        Ok(Some(_)) => (StatusCode::OK, "ok\n"),
        Ok(None) => (StatusCode::SERVICE_UNAVAILABLE, "no organisation yet\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be read\n"),
    }
}

async fn metrics(State(state): State<MonitoringState>) -> String {
    let counted = state.counts.snapshot();
    let mut samples = Vec::new();
    for ((service, operation), calls) in &counted.requests {
        samples.push(Sample {
            name: "aws_requests_total",
            labels: vec![("service", service.name().to_owned()), ("operation", operation.clone())],
            value: f64::from(u32::try_from(*calls).unwrap_or(u32::MAX)),
        });
    }
    for ((operation, kind, target), units) in &counted.units {
        let (kind, index): (&str, &str) = (kind.into(), target.into());
        samples.push(Sample {
            name: "dynamodb_consumed_units_total",
            labels: vec![
                ("operation", operation.clone()),
                ("kind", kind.to_owned()),
                ("index", index.to_owned()),
            ],
            value: *units,
        });
    }
    state.metrics.show(&samples)
}
