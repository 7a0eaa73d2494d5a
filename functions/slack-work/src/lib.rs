//! Does what people ask for in Slack, and the steps that are to be done there.

use app::Context;
use app::worker::SlackWork;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<SlackWork>(&ctx)
}
