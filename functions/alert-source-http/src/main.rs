//! Receives alerts of the generic HTTP source.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_http::function)
}
