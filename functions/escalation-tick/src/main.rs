//! Takes escalations to their next level.

fn main() -> Result<(), runtime::Error> {
    runtime::run(escalation_tick::function)
}
