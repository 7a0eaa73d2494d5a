//! Serves the API for settings, API keys and the audit log, the OpenAPI description, and every unknown path.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::settings::router(ctx))
}
