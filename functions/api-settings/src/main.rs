//! The key itself, and whatever no other function answers.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_settings::function)
}
