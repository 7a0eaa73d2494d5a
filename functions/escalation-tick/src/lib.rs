//! Moves escalations to the next level when their time is up, and ends them when their alert resolves.

use app::Context;
use app::worker::EscalationTick;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<EscalationTick>(&ctx)
}
