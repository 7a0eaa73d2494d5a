//! Sends notifications and mails links to sign in.

use app::Context;
use app::worker::NotificationSend;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::worker::<NotificationSend>(&ctx)
}
