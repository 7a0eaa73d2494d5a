//! Receives GitHub's webhooks about issues.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::GithubIssue, ctx))
}
