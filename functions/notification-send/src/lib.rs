//! Sends notifications, and emails with sign-in links.

use app::Context;
use app::worker::NotificationSend;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<NotificationSend>(&ctx)
}
