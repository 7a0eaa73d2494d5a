//! Moves escalations to the next level when their time is up, and ends them when their alert resolves.

use app::{AppError, Context, Rules, escalation};
use domain::message::EscalationMessage;
use runtime::{Delivery, Function};

/// The function.
pub fn function(ctx: Context) -> Function {
    let rules = Rules::new(ctx.store.clone());
    runtime::sqs(move |delivery| handle(ctx.clone(), rules.clone(), delivery))
}

async fn handle(ctx: Context, rules: Rules, delivery: Delivery<EscalationMessage>) -> Result<(), AppError> {
    match delivery.message {
        EscalationMessage::Due { org, escalation } => {
            escalation::tick::tick(&ctx.store, &rules, org, escalation, ctx.now()).await?;
            Ok(())
        }
        EscalationMessage::Alert { org, alert } => {
            escalation::reconcile::reconcile(&ctx.store, &rules, org, alert, ctx.now()).await
        }
    }
}
