//! Runs `api-alert-routes` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_alert_routes::function)
}
