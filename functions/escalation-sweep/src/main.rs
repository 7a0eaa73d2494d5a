//! Runs `escalation-sweep` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(escalation_sweep::function)
}
