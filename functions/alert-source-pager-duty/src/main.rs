//! Runs `alert-source-pager-duty` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_pager_duty::function)
}
