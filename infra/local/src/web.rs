//! What one machine serves beside the functions: health and metrics.

use std::sync::Arc;

use app::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use embedded::{Arm, Counts, Kind};
use runtime::Metrics;
use runtime::telemetry::Sample;

/// Who is asked for what was measured.
#[derive(Clone)]
pub struct Meters {
    /// The transitions.
    pub metrics: Arc<Metrics>,
    /// What the functions asked of AWS.
    pub counts: Arc<Counts>,
    /// The database, to see whether it answers.
    pub context: Context,
}

/// Health and metrics.
pub fn router(meters: Meters) -> axum::Router {
    axum::Router::new().route("/healthz", get(healthy)).route("/metrics", get(metrics)).with_state(meters)
}

async fn healthy(State(meters): State<Meters>) -> (StatusCode, &'static str) {
    match meters.context.store.home().await {
        Ok(Some(_)) => (StatusCode::OK, "ok\n"),
        Ok(None) => (StatusCode::SERVICE_UNAVAILABLE, "there is no organisation yet\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}

async fn metrics(State(meters): State<Meters>) -> String {
    let counted = meters.counts.snapshot();
    let mut samples = Vec::new();
    for ((service, operation), calls) in &counted.requests {
        samples.push(Sample {
            name: "aws_requests_total",
            labels: vec![("service", service.name().to_owned()), ("operation", operation.clone())],
            value: f64::from(u32::try_from(*calls).unwrap_or(u32::MAX)),
        });
    }
    for ((operation, kind, arm), units) in &counted.units {
        let kind = match kind {
            Kind::Read => "read",
            Kind::Write => "write",
        };
        let index = match arm {
            Arm::Table => "table",
            Arm::Index => "index",
        };
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
    meters.metrics.show(&samples)
}
