//! Runs `api-users` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_users::function)
}
