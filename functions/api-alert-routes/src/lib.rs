//! Serves the API for alert routes.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::alert_routes::router(ctx))
}
