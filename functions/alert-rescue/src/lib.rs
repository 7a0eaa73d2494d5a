//! Rescues events that could not be handled: opens a bare alert and notifies the fallback contact.

use app::Context;
use app::worker::AlertRescue;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<AlertRescue>(&ctx)
}
