//! Runs `alert-source-cloudflare` on Lambda.

fn main() -> Result<(), runtime::Error> {
    runtime::run(alert_source_cloudflare::function)
}
