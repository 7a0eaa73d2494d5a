//! The key itself, what alerts and incidents are given, the API described, and whatever nobody else answers.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_settings::function)
}
