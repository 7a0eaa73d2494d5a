//! The key itself, and whatever no other function answers.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {
    Function::Http(http_api::settings::router(ctx))
}
