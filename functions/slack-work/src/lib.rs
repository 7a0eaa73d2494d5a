//! Does what people request in Slack, and brings changes to Slack, one step at a time.

use app::slack::{SlackServices, work};
use app::{AppError, Context};
use domain::slack::SlackMessage;
use runtime::{Delivery, Function};

/// The function.
pub fn function(ctx: Context) -> Function {
    let desk = SlackServices::new(&ctx);
    runtime::sqs(move |delivery| handle(ctx.clone(), desk.clone(), delivery))
}

async fn handle(ctx: Context, desk: SlackServices, delivery: Delivery<SlackMessage>) -> Result<(), AppError> {
    work(&desk, &delivery.message, &delivery.trace, ctx.now()).await
}
