//! Serves the pages for people.

fn main() -> Result<(), runtime::Error> {
    runtime::run(web::function)
}
