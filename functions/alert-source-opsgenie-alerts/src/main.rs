//! Receives alerts in the words of Opsgenie's alert API.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_opsgenie_alerts::function)
}
