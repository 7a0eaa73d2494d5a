//! Does what people request in Slack, and brings changes to Slack, one step at a time.

use app::Context;
use app::worker::SlackWork;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<SlackWork>(&ctx)
}
