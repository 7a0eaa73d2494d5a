//! Serves the pages of alert sources.

fn main() -> Result<(), runtime::Error> {
    runtime::run(web_alert_sources::function)
}
