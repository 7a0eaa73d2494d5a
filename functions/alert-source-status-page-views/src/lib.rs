//! Receives spikes of page views, in our own format.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::StatusPageViews, ctx))
}
