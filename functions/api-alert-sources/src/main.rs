//! Alert sources, through the API.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_alert_sources::function)
}
