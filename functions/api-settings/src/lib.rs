//! The key itself, what alerts and incidents are given, the API described, and whatever nobody else answers.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::settings::router(ctx))
}
