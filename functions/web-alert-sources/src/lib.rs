//! Serves the web pages of alert sources.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::web::alert_sources(ctx))
}
