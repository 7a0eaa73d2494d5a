//! Alert routes, through the API.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_alert_routes::function)
}
