//! People, through the API.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_users::function)
}
