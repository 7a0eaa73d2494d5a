//! Runs `alert-source-alertmanager` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_alertmanager::function)
}
