//! Serves the API for incidents.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::incidents::router(ctx))
}
