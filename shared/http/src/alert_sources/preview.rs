//! Previews of the alerts that a configuration would create, from a payload or from the last events of a source
//! (Firebell extension).

use app::alert::preview::{AlertPreview, PreviewRequest, PreviewedEscalation};
use axum::Json;
use axum::extract::State;
use domain::id::SourceId;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::SourceBody;
use crate::ApiError;
use crate::alerts::said;
use crate::api::{Answer, Sent, Shared};
use crate::auth::Caller;

/// Previews alerts without writing anything.
pub(super) async fn preview(
    State(desk): Shared,
    caller: Caller,
    Sent { body, .. }: Sent<SourceBody>,
) -> Answer<Json<Value>> {
    let ctx = &desk.ctx;
    let unreadable = |_| ApiError::invalid("payload", "The payload cannot be read");
    let given = |field: &str| body.rest.get(field).filter(|value| !value.is_null());
    let source = given("alert_source_id").map(source).transpose()?;
    let kind = match (&body.source_type, source) {
        (None, Some(id)) => Some(super::find(&ctx.store, caller.org, id).await?.kind),
        (kind, _) => kind.clone(),
    };
    let trial = PreviewRequest {
        template: body.template(kind.as_ref())?,
        intake: super::intake::intake(&body)?,
        kind,
        source,
        payload: given("payload").map(to_raw_value).transpose().map_err(unreadable)?,
    };
    let previewed =
        app::alert::preview::preview(&ctx.store, &caller.actor, trial, &ctx.random, ctx.now()).await?;
    let alerts: Vec<Value> = previewed.iter().map(shown).collect();
    Ok(Json(json!({ "alerts": alerts })))
}

/// Reads the id of a source.
fn source(value: &Value) -> Answer<SourceId> {
    let id = value.as_str().and_then(|id| id.parse().ok());
    id.ok_or_else(|| ApiError::invalid("alert_source_id", "There is no alert source with this id"))
}

/// An alert in a preview.
fn shown(previewed: &AlertPreview) -> Value {
    let AlertPreview { alert, status, filtered, body, routing, routes, notifications: pages, incident } =
        previewed;
    let mut shown = json!({
        "title": body.title,
        "status": status.name(),
        "filtered": filtered,
        "deduplication_key": body.deduplication_key,
        "attributes": body.attributes.iter().map(said).collect::<Vec<_>>(),
        "problems": body.problems,
        "alert_routes": routes.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect::<Vec<_>>(),
        "escalations": pages.iter().map(would_page).collect::<Vec<_>>(),
    });
    let texts = [
        ("description", &body.description),
        ("source_url", &body.source_url),
        ("priority", &body.priority),
        ("incident_name", incident),
    ];
    for (field, text) in texts {
        if let Some(text) = text {
            shown[field] = json!(text);
        }
    }
    if let Some(alert) = alert {
        shown["alert_id"] = json!(alert);
    }
    if let Some(routing) = routing {
        shown["routing"] = json!(routing);
    }
    shown
}

/// The people whom an escalation in a preview would page.
fn would_page(page: &PreviewedEscalation) -> Value {
    let level = |people: &Vec<_>| -> Value {
        let people = people.iter().map(|(id, name)| json!({ "id": id, "name": name }));
        json!({ "users": people.collect::<Vec<_>>() })
    };
    let mut shown = json!({ "levels": page.levels.iter().map(level).collect::<Vec<_>>() });
    if let Some(path) = page.path {
        shown["escalation_path_id"] = json!(path);
    }
    shown
}
