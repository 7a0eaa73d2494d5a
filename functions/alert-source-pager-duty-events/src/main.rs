//! Runs `alert-source-pager-duty-events` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_pager_duty_events::function)
}
