//! Runs `alert-source-datadog` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_datadog::function)
}
