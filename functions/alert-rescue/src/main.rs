//! Rescues events that could not be handled.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_rescue::function)
}
