//! Sends notifications: claims one, sends it by its channel, and stores the result.

use app::Context;
use app::worker::NotificationSend;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<NotificationSend>(&ctx)
}
