//! Takes escalations to their next level when their time is up, and ends them when their alert is resolved.

use app::Context;
use app::worker::EscalationTick;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<EscalationTick>(&ctx)
}
