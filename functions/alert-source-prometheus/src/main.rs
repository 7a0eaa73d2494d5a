//! Receives alerts of Prometheus itself.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_prometheus::function)
}
