//! Connects a Slack workspace: redirects an administrator to Slack and handles the return.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::web::slack(ctx))
}
