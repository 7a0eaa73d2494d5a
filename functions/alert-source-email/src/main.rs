//! Runs `alert-source-email` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_email::function)
}
