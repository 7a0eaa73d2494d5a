//! Alert attributes: named values of alerts, the same for every alert source.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use domain::access::Permission;
use domain::alert::Attribute;
use domain::choice::Configured;
use domain::id::AttributeId;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::api::{ApiResult, JsonBody, SharedState};
use crate::auth::Caller;
use crate::choices::{self, ChoiceResource};
use crate::operation::{Operation, Resource};
use crate::schema::Id;

/// The operations on alert attributes.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert attributes",
    operations: &[
        Operation::get("/v2/alert_attributes", "Lists alert attributes", || get(choices::list::<Attribute>))
            .needs(Permission::See)
            .reply::<AlertAttributeListReply>(200),
        Operation::post("/v2/alert_attributes", "Creates an alert attribute", || post(create))
            .needs(Permission::ManageSettings)
            .body::<AlertAttributePayload>()
            .reply::<AlertAttributeReply>(201),
        Operation::get("/v2/alert_attributes/{id}", "Shows an alert attribute", || {
            get(choices::show::<Attribute>)
        })
        .needs(Permission::See)
        .reply::<AlertAttributeReply>(200),
        Operation::put("/v2/alert_attributes/{id}", "Updates an alert attribute", || put(update))
            .needs(Permission::ManageSettings)
            .body::<AlertAttributePayload>()
            .reply::<AlertAttributeReply>(200),
        Operation::delete("/v2/alert_attributes/{id}", "Deletes an alert attribute", || delete(remove))
            .needs(Permission::ManageSettings),
    ],
};

/// An alert attribute.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertAttributeView {
    /// The id.
    id: Id<AttributeId>,
    /// The name.
    name: String,
    /// The type of its values, as `String`.
    r#type: String,
    /// Whether an alert may have several values.
    array: bool,
    /// Whether each alert should have a value.
    required: bool,
    /// An emoji for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    emoji: Option<String>,
}

impl AlertAttributeView {
    /// The view of an attribute with its id.
    pub(crate) fn new(id: AttributeId, attribute: &Attribute) -> Self {
        let Attribute { name, kind, array, required, emoji } = attribute.clone();
        Self { id: Id(id), name, r#type: kind, array, required, emoji }
    }
}

impl From<&Configured<Attribute>> for AlertAttributeView {
    fn from(choice: &Configured<Attribute>) -> Self {
        Self::new(choice.id, &choice.what)
    }
}

/// A reply with an alert attribute.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertAttributeReply {
    alert_attribute: AlertAttributeView,
}

impl From<AlertAttributeView> for AlertAttributeReply {
    fn from(alert_attribute: AlertAttributeView) -> Self {
        Self { alert_attribute }
    }
}

/// A reply with all alert attributes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertAttributeListReply {
    alert_attributes: Vec<AlertAttributeView>,
}

impl From<Vec<AlertAttributeView>> for AlertAttributeListReply {
    fn from(alert_attributes: Vec<AlertAttributeView>) -> Self {
        Self { alert_attributes }
    }
}

impl ChoiceResource for Attribute {
    type View = AlertAttributeView;
    type Reply = AlertAttributeReply;
    type ListReply = AlertAttributeListReply;
}

/// An alert attribute to create or update.
#[derive(Deserialize, JsonSchema)]
struct AlertAttributePayload {
    /// The name.
    name: String,
    /// The type of its values, as `String`.
    #[schemars(length(min = 1))]
    r#type: String,
    /// Whether an alert may have several values.
    array: bool,
    /// Whether each alert should have a value.
    #[serde(default)]
    required: bool,
    /// An emoji for people.
    emoji: Option<String>,
}

/// The most bytes of the name of a type, or of an emoji.
const MAX_WORD_BYTES: usize = 100;

impl AlertAttributePayload {
    /// The attribute.
    ///
    /// # Errors
    /// [`ApiError`] that names the field that is too long or empty.
    fn attribute(self) -> ApiResult<Attribute> {
        let Self { name, r#type: kind, array, required, emoji } = self;
        if kind.is_empty() || kind.len() > MAX_WORD_BYTES {
            return Err(ApiError::invalid(
                "type",
                format!("A type has between 1 and {MAX_WORD_BYTES} bytes"),
            ));
        }
        if emoji.as_ref().is_some_and(|emoji| emoji.len() > MAX_WORD_BYTES) {
            return Err(ApiError::invalid("emoji", format!("An emoji has at most {MAX_WORD_BYTES} bytes")));
        }
        Ok(Attribute { name, kind, array, required, emoji: domain::text::present(emoji) })
    }
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<AlertAttributePayload>,
) -> ApiResult<(StatusCode, Json<AlertAttributeReply>)> {
    let (ctx, now) = (&api.ctx, api.ctx.now());
    let (id, attribute) = (AttributeId::new(now, ctx.random()), body.attribute()?);
    let created =
        app::choice::save::create(&ctx.store, &caller.actor, id, attribute, &ctx.random, now).await?;
    Ok((StatusCode::CREATED, choices::reply(&created)))
}

async fn update(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<AttributeId>,
    JsonBody { body, .. }: JsonBody<AlertAttributePayload>,
) -> ApiResult<Json<AlertAttributeReply>> {
    let (ctx, attribute) = (&api.ctx, body.attribute()?);
    let change = |_: &Attribute| attribute.clone();
    let updated =
        app::choice::save::update(&ctx.store, &caller.actor, id, change, &ctx.random, ctx.now()).await?;
    Ok(choices::reply(&updated))
}

async fn remove(state: SharedState, caller: Caller, id: Id<AttributeId>) -> ApiResult<StatusCode> {
    choices::delete::<Attribute>(state, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
