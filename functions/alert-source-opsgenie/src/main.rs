//! Runs `alert-source-opsgenie` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_opsgenie::function)
}
