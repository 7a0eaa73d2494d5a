//! Runs `alert-source-status-page-views` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_status_page_views::function)
}
