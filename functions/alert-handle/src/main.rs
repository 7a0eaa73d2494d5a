//! Handles events of alerts.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_handle::function)
}
