//! Receives heartbeat pings from jobs.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::Heartbeat, ctx))
}
