//! Receives events from senders that use the PagerDuty Events API v2.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::PagerDutyEvents, ctx))
}
