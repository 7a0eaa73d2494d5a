//! Reads the table's stream and sends outbox messages to the queues.

use app::{AppError, Context, outbox};
use aws_lambda_events::dynamodb::EventRecord;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::stream(move |records| relay(ctx.clone(), records))
}

async fn relay(ctx: Context, records: Vec<EventRecord>) -> Result<(), AppError> {
    let mut entries = Vec::new();
    for record in records {
        if record.event_name != "INSERT" {
            continue;
        }
        for entry in store::outbox_of(&record.change.new_image) {
            match entry {
                Ok(entry) => entries.push(entry),
                // It must not hold up the entries that follow. The sweep finds the job.
                Err(fault) => tracing::error!(record.id = record.event_id, %fault, "skipped an outbox entry"),
            }
        }
    }
    outbox::relay::relay(&ctx.queues, &entries, ctx.now()).await
}
