//! Receives mentions, pins and new members from Slack: verifies them, queues them, and answers at once.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::slack::events(ctx))
}
