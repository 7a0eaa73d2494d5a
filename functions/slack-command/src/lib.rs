//! Receives the Slack command `/inc`: verifies it, queues it, and answers at once.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::slack::commands(ctx))
}
