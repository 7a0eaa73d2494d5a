//! Receives the webhooks of Grafana's alerting.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::Grafana, ctx))
}
