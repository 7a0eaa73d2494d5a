//! Runs `api-alerts` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_alerts::function)
}
