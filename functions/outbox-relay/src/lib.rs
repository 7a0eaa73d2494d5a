//! Reads the table's stream and sends outbox messages to the queues.

use app::{AppError, Context, outbox};
use aws_lambda_events::dynamodb::EventRecord;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::stream(move |records| relay(ctx.clone(), records))
}

async fn relay(ctx: Context, records: Vec<EventRecord>) -> Result<(), AppError> {
    let mut events = Vec::new();
    for record in records {
        if record.event_name != "INSERT" {
            continue;
        }
        match store::outbox_of(record.change.new_image) {
            Ok(found) => events.extend(found),
            // It would be in the way of all that follow; the sweep finds what it owed.
            Err(fault) => tracing::error!(record.id = record.event_id, "{fault}"),
        }
    }
    outbox::relay::relay(&ctx.queues, &events, ctx.now()).await
}
