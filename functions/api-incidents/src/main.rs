//! Runs `api-incidents` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(api_incidents::function)
}
