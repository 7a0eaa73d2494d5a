//! Runs `alert-handle` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_handle::function)
}
