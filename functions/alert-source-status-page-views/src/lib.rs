//! Receives spikes of status page views, in a format of Firebell's own.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::StatusPageViews, ctx))
}
