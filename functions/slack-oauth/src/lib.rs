//! Connects a Slack workspace: sends an administrator to Slack, and takes what they bring back.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::web::slack(ctx))
}
