//! Serves the API for escalations and escalation paths.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::escalations::router(ctx))
}
