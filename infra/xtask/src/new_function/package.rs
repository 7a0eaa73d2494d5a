//! The package of a new function, as far as it is written by hand.

use super::{NewFunction, Trigger};

/// The files of the package that `cargo xtask generate` does not write.
pub(super) fn files(new: &NewFunction) -> Vec<(String, String)> {
    let folder = format!("functions/{}", new.name);
    vec![(format!("{folder}/Cargo.toml"), manifest(new)), (format!("{folder}/src/lib.rs"), library(new))]
}

/// The dependencies of the package. `cargo xtask generate` writes everything above them.
fn manifest(new: &NewFunction) -> String {
    let dependencies = match new.trigger {
        Trigger::Http => "app.workspace = true\nhttp-api.workspace = true\nruntime.workspace = true\n",
        Trigger::Sqs => "app.workspace = true\nruntime.workspace = true\nserde_json.workspace = true\n",
        Trigger::Stream => {
            "app.workspace = true\naws_lambda_events.workspace = true\nruntime.workspace = true\n"
        }
        Trigger::Schedule => "app.workspace = true\nruntime.workspace = true\n",
    };
    format!("[package]\nname = \"{}\"\n\n[dependencies]\n{dependencies}", new.name)
}

/// The module of `http-api` that an HTTP function serves: `api-alert-routes` serves `alert_routes`.
pub(super) fn resource(name: &str) -> String {
    name.strip_prefix("api-").unwrap_or(name).replace('-', "_")
}

fn library(new: &NewFunction) -> String {
    let name = &new.name;
    match new.trigger {
        Trigger::Http => {
            let resource = resource(name);
            format!(
                r#"//! Answers the HTTP requests of `{name}`.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {{
    runtime::http(http_api::{resource}::router(ctx))
}}
"#
            )
        }
        Trigger::Sqs => format!(
            r#"//! Handles the messages of the queue `{name}`.

use app::{{AppError, Context}};
use runtime::{{Delivery, Function}};

/// The function.
pub fn function(ctx: Context) -> Function {{
    runtime::sqs(move |delivery| handle(ctx.clone(), delivery))
}}

async fn handle(_ctx: Context, _delivery: Delivery<serde_json::Value>) -> Result<(), AppError> {{
    Ok(())
}}
"#
        ),
        Trigger::Stream => format!(
            r#"//! Handles the records of the table's stream for `{name}`.

use app::{{AppError, Context}};
use aws_lambda_events::dynamodb::EventRecord;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {{
    runtime::stream(move |records| handle(ctx.clone(), records))
}}

async fn handle(_ctx: Context, _records: Vec<EventRecord>) -> Result<(), AppError> {{
    Ok(())
}}
"#
        ),
        Trigger::Schedule => format!(
            r#"//! Runs `{name}` each minute.

use app::{{AppError, Context}};
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {{
    runtime::schedule(move || run(ctx.clone()))
}}

async fn run(_ctx: Context) -> Result<(), AppError> {{
    Ok(())
}}
"#
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_is_what_the_name_says() {
        assert_eq!(resource("api-alert-routes"), "alert_routes");
        assert_eq!(resource("web"), "web");
    }
}
