//! Serves the API for alerts.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::alerts::router(ctx))
}
