//! Runs `web-alert-sources` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(web_alert_sources::function)
}
