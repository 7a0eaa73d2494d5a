//! Sends notifications: claims one, sends it by its channel, and stores the result.

use app::notification::send::{Senders, send};
use app::{AppError, Context};
use domain::message::NotificationMessage;
use runtime::{Delivery, Function};

/// The function.
pub fn function(ctx: Context) -> Function {
    let senders = ctx.senders();
    runtime::sqs(move |delivery| handle(ctx.clone(), senders.clone(), delivery))
}

async fn handle(
    ctx: Context,
    senders: Senders,
    delivery: Delivery<NotificationMessage>,
) -> Result<(), AppError> {
    send(&ctx.store, &senders, &delivery.message, ctx.now()).await?;
    Ok(())
}
