//! Accepts deliveries for Heartbeat alert sources.
//!
//! `cargo xtask generate` writes this package from the registry of alert sources.

use app::Context;
use runtime::Function;

/// Creates the function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::Heartbeat, ctx))
}
