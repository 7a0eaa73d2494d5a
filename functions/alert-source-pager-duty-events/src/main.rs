//! Receives events in the words of PagerDuty's Events API v2.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_pager_duty_events::function)
}
