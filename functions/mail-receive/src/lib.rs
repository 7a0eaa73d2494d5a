//! Delivers emails that SES received to the alert sources that they are addressed to.

use app::Context;
use http_api::mail::{Courier, MailError};
use mail::MailNotification;
use runtime::{Delivery, Function};

/// Creates the function.
pub fn function(ctx: Context) -> Function {
    let courier = Courier::new(&ctx);
    runtime::sqs_from_outside(ctx.random.clone(), move |delivery| {
        handle(ctx.clone(), courier.clone(), delivery)
    })
}

async fn handle(
    ctx: Context,
    courier: Courier,
    delivery: Delivery<MailNotification>,
) -> Result<(), MailError> {
    courier.deliver(&delivery.message, &delivery.trace, ctx.now()).await
}
