//! Sets up a new installation.

fn main() -> Result<(), runtime::Error> {
    runtime::run(setup::function)
}
