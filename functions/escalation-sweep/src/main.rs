//! Finds what is past due.

fn main() -> Result<(), runtime::Error> {
    runtime::run(escalation_sweep::function)
}
