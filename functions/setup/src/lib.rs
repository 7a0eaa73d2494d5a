//! Creates the organisation, its owner and its first API key when the stack is deployed.

use app::org::create::{CreatedOrg, NewOrg, admit, create};
use app::{AppError, Context};
use runtime::{Change, Function, Made};
use serde::Deserialize;

/// What the template says of the organisation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    /// The owner's address.
    owner_email: String,
}

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::resource(move |change| handle(ctx.clone(), change))
}

async fn handle(ctx: Context, change: Change<Properties>) -> Result<Made, AppError> {
    // What was created outlives the stack, as the table does.
    let Change::Make(Properties { owner_email }) = change else { return Ok(Made::default()) };
    let api_key = ctx.first_key.clone().ok_or_else(|| {
        // Without it a key would be made that nobody ever sees.
        AppError::invalid("FIREBELL_API_KEY", "it is not set")
    })?;
    let new = NewOrg {
        name: "My organisation".to_owned(),
        owner_name: "Owner".to_owned(),
        owner_email,
        api_key: Some(api_key.clone()),
    };
    let org = match create(&ctx.store, &ctx.seal, &new, &ctx.random, ctx.now()).await? {
        CreatedOrg::New { org, .. } => org.id,
        CreatedOrg::Existing(org) => org,
    };
    let key = admit(&ctx.store, org, &api_key, &ctx.random, ctx.now()).await?;
    let data = [("OrganisationId", org.to_string()), ("ApiKeyId", key.to_string())];
    Ok(Made { id: org.to_string(), data: data.map(|(name, value)| (name.to_owned(), value)).into() })
}
