//! Runs `web` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(web::function)
}
