//! Runs `alert-source-http-custom` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_http_custom::function)
}
