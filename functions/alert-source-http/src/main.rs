//! Runs `alert-source-http` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_http::function)
}
