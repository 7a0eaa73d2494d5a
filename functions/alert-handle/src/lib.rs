//! Handles alert events: deduplicates them, evaluates the routes, and opens alerts, incidents and escalations.

use app::{AppError, Context, Rules, alert, heartbeat, source};
use domain::message::AlertMessage;
use runtime::{Delivery, Function};

/// The function.
pub fn function(ctx: Context) -> Function {
    let rules = Rules::new(ctx.store.clone());
    runtime::sqs(move |delivery| handle(ctx.clone(), rules.clone(), delivery))
}

async fn handle(ctx: Context, rules: Rules, delivery: Delivery<AlertMessage>) -> Result<(), AppError> {
    match delivery.message {
        AlertMessage::Event(received) => {
            alert::receive::receive(&ctx.store, &rules, &received, &delivery.trace, ctx.now()).await?;
            source::seen::delivered(&ctx.store, &rules, &received).await
        }
        AlertMessage::Acknowledged { org, source, key, by } => {
            alert::acknowledge::acknowledge(&ctx.store, (org, source), &key, by.as_deref(), ctx.now()).await
        }
        AlertMessage::Heartbeat { org, source } => {
            heartbeat::look::look(&ctx.store, (org, source), ctx.now()).await
        }
        AlertMessage::Expiry { org, alert } => {
            alert::expire::expire(&ctx.store, (org, alert), ctx.now()).await
        }
        AlertMessage::Backfill { org, source } => {
            source::backfill::step(&ctx.store, &rules, (org, source), ctx.now()).await
        }
        AlertMessage::DeliveryFailed { org, source, at, reason } => {
            source::seen::failed(&ctx.store, org, source, at, &reason).await
        }
    }
}
