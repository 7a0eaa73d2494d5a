//! Receives any JSON and maps it to alerts with the mapping that the customer configured.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::HttpCustom, ctx))
}
