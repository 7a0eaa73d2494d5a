//! Runs `alert-source-opsgenie-alerts` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_opsgenie_alerts::function)
}
