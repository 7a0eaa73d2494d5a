//! Hears of jobs that say each time that they ran.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::Heartbeat, ctx))
}
