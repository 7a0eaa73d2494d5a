//! Handles alert events that failed repeatedly: writes the alert without its rules and notifies the fallback contact.

use app::Context;
use app::worker::AlertRescue;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<AlertRescue>(&ctx)
}
