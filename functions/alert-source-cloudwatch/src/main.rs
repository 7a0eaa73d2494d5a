//! Runs `alert-source-cloudwatch` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_cloudwatch::function)
}
