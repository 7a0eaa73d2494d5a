//! Receives events in the words of PagerDuty's Events API v2.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::PagerDutyEvents, ctx))
}
