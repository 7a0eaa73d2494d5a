//! Runs `setup` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(setup::function)
}
