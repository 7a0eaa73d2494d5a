//! Runs `alert-source-zendesk` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_zendesk::function)
}
