//! Runs `api-alert-sources` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_alert_sources::function)
}
