//! Runs `escalation-tick` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(escalation_tick::function)
}
