//! Handles alert events that failed repeatedly: writes the alert without its rules and notifies the fallback contact.

use app::{AppError, Context, Rules, alert};
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
            alert::rescue::rescue(&ctx.store, &rules, &received, &delivery.trace, ctx.now()).await?;
            Ok(())
        }
        // Whoever is on it is paged on, and can say so here.
        AlertMessage::Acknowledged { .. } => Ok(()),
        // The sweep asks for them again.
        AlertMessage::Heartbeat { .. } | AlertMessage::Expiry { .. } | AlertMessage::Backfill { .. } => {
            Ok(())
        }
        // What is shown of a source is no page: it is shown at the next failure.
        AlertMessage::DeliveryFailed { .. } => Ok(()),
    }
}
