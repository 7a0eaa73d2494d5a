//! Runs `alert-source-prometheus` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_prometheus::function)
}
