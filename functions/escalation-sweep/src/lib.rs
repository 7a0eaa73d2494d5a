//! Finds jobs that are due and whose message was lost, each minute.

use app::{AppError, Context, sweep};
use domain::trace::Trace;
use runtime::Function;
use tracing::Instrument;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::schedule(move || run(ctx.clone()))
}

async fn run(ctx: Context) -> Result<(), AppError> {
    let trace = Trace::begin(ctx.random());
    let span = runtime::tick(&trace);
    sweep::run::run(&ctx.store, &ctx.queues, &trace, ctx.now()).instrument(span).await?;
    Ok(())
}
