//! Runs `api-settings` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_settings::function)
}
