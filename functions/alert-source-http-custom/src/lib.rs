//! Receives whatever JSON a sender has, which the customer says the meaning of.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::HttpCustom, ctx))
}
