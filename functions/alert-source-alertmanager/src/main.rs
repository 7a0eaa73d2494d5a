//! Receives Alertmanager's webhooks.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_alertmanager::function)
}
