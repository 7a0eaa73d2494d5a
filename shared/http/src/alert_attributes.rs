//! Attributes: what alerts say in the same words, whatever their source.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use domain::access::Permission;
use domain::alert::Attribute;
use domain::choice::Configured;
use domain::id::AttributeId;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::api::{Answer, Id, Sent, Shared};
use crate::auth::Caller;
use crate::choices::{self, Offer, alone};
use crate::operation::{Operation, Resource};

/// What can be done with attributes.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert attributes",
    operations: &[
        Operation::get("/v2/alert_attributes", "Lists the attributes of alerts", || {
            get(choices::list::<Attribute>)
        })
        .needs(Permission::See)
        .answers(200, "{alert_attributes*: [AlertAttribute]}"),
        Operation::post("/v2/alert_attributes", "Adds an attribute", || post(create))
            .needs(Permission::ManageSettings)
            .takes("AlertAttributePayload")
            .answers(201, "{alert_attribute*: AlertAttribute}"),
        Operation::get("/v2/alert_attributes/{id}", "Shows an attribute", || get(choices::show::<Attribute>))
            .needs(Permission::See)
            .answers(200, "{alert_attribute*: AlertAttribute}"),
        Operation::put("/v2/alert_attributes/{id}", "Changes an attribute", || put(update))
            .needs(Permission::ManageSettings)
            .takes("AlertAttributePayload")
            .answers(200, "{alert_attribute*: AlertAttribute}"),
        Operation::delete("/v2/alert_attributes/{id}", "Deletes an attribute", || delete(destroy))
            .needs(Permission::ManageSettings),
    ],
    shapes: &[
        (
            "AlertAttribute",
            "{id*: id, name*: string, type*: string, array*: boolean, required*: boolean, emoji: string}",
        ),
        (
            "AlertAttributePayload",
            "{name*: string, type*: string, array*: boolean, required: boolean, emoji: string}",
        ),
    ],
};

impl Offer for Attribute {
    const ONE: &'static str = "alert_attribute";
    const MANY: &'static str = "alert_attributes";

    fn shown(choice: &Configured<Self>) -> Value {
        let mut shown = json!({
            "id": choice.id,
            "name": choice.what.name,
            "type": choice.what.kind,
            "array": choice.what.array,
            "required": choice.what.required,
        });
        if let Some(emoji) = &choice.what.emoji {
            shown["emoji"] = json!(emoji);
        }
        shown
    }
}

/// An attribute as it is sent.
#[derive(Deserialize)]
struct AttributeBody {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    array: bool,
    #[serde(default)]
    required: bool,
    emoji: Option<String>,
}

/// How long the name of a type, or of a sign, may be.
const WORD_BYTES: usize = 100;

impl AttributeBody {
    /// The attribute, if it can be kept.
    fn attribute(self) -> Answer<Attribute> {
        let Self { name, kind, array, required, emoji } = self;
        if kind.is_empty() || kind.len() > WORD_BYTES {
            return Err(ApiError::invalid("type", format!("A type has 1 to {WORD_BYTES} bytes")));
        }
        if emoji.as_ref().is_some_and(|emoji| emoji.len() > WORD_BYTES) {
            return Err(ApiError::invalid("emoji", format!("A sign has at most {WORD_BYTES} bytes")));
        }
        Ok(Attribute { name, kind, array, required, emoji: domain::text::present(emoji) })
    }
}

async fn create(
    State(desk): Shared,
    caller: Caller,
    Sent { body, .. }: Sent<AttributeBody>,
) -> Answer<(StatusCode, Json<Value>)> {
    let (ctx, now) = (&desk.ctx, desk.ctx.now());
    let (id, what) = (AttributeId::new(now, ctx.random()), body.attribute()?);
    let made = app::choice::save::create(&ctx.store, &caller.actor, id, what, &ctx.random, now).await?;
    Ok((StatusCode::CREATED, alone(&made)))
}

async fn update(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<AttributeId>,
    Sent { body, .. }: Sent<AttributeBody>,
) -> Answer<Json<Value>> {
    let (ctx, what) = (&desk.ctx, body.attribute()?);
    let change = |_: &Attribute| what.clone();
    Ok(alone(
        &app::choice::save::update(&ctx.store, &caller.actor, id, change, &ctx.random, ctx.now()).await?,
    ))
}

async fn destroy(state: Shared, caller: Caller, id: Id<AttributeId>) -> Answer<StatusCode> {
    choices::destroy::<Attribute>(state, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
