//! Receives CloudWatch's alarms, through SNS or through EventBridge.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::Cloudwatch, ctx))
}
