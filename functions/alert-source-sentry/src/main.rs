//! Runs `alert-source-sentry` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_sentry::function)
}
