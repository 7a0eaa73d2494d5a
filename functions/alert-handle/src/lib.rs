//! Handles alert events: deduplicates them, evaluates the routes, and opens alerts, incidents and escalations.

use app::Context;
use app::worker::AlertHandle;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<AlertHandle>(&ctx)
}
