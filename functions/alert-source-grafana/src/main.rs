//! Runs `alert-source-grafana` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_grafana::function)
}
