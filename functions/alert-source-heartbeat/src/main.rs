//! Runs `alert-source-heartbeat` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_heartbeat::function)
}
