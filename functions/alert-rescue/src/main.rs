//! Runs `alert-rescue` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_rescue::function)
}
