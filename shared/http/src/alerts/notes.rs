//! What people say of an alert: notes and tags; writing them is ours.

use app::AppError;
use axum::Json;
use axum::extract::State;
use domain::alert::note::{Note, tag_id};
use domain::id::AlertId;
use futures_util::future::try_join_all;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::shown_alone;
use crate::ApiError;
use crate::api::{Answer, Id, Sent, Shared};
use crate::auth::Caller;
use crate::incidents::{chosen, creator};
use crate::query::Query;

/// A note as it is sent.
#[derive(Deserialize)]
pub(super) struct NoteBody {
    alert_id: String,
    text: String,
}

/// The alert that notes are about.
fn about(id: Option<String>) -> Answer<AlertId> {
    chosen("alert", "alert_id", id)?.ok_or_else(|| ApiError::required("alert_id"))
}

/// An alert that is named beside the address is not found there.
fn gone(error: AppError) -> ApiError {
    match error {
        AppError::NotFound { .. } => ApiError::invalid("alert_id", "There is no such alert"),
        error => error.into(),
    }
}

/// Tags as they are sent: names, or what is shown of tags.
#[derive(Deserialize)]
pub(super) struct TagsBody {
    tags: Vec<TagBody>,
}

/// A tag as it is sent.
#[derive(Deserialize)]
#[serde(untagged)]
enum TagBody {
    Name(String),
    Shown { name: String },
}

/// Lists the notes of an alert, the newest first.
pub(super) async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let store = &desk.ctx.store;
    let id = about(query.one("alert_id").map(str::to_owned))?;
    let notes = app::alert::note::notes(store, &caller.actor, id).await.map_err(gone)?;
    let notes = try_join_all(notes.iter().map(|note| shown(store, &caller, note))).await?;
    Ok(Json(json!({ "alert_notes": notes })))
}

/// Writes a note.
pub(super) async fn write(
    State(desk): Shared,
    caller: Caller,
    Sent { body, .. }: Sent<NoteBody>,
) -> Answer<(StatusCode, Json<Value>)> {
    let ctx = &desk.ctx;
    let id = about(Some(body.alert_id))?;
    let note =
        app::alert::note::note(&ctx.store, &caller.actor, id, &body.text, &ctx.random, ctx.now()).await;
    let note = note.map_err(gone)?;
    let shown = shown(&ctx.store, &caller, &note).await?;
    Ok((StatusCode::CREATED, Json(json!({ "alert_note": shown }))))
}

/// Sets the tags of an alert.
pub(super) async fn tag(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<AlertId>,
    Sent { body, .. }: Sent<TagsBody>,
) -> Answer<Json<Value>> {
    let names = body.tags.into_iter().map(|tag| match tag {
        TagBody::Name(name) | TagBody::Shown { name } => name,
    });
    let names: Vec<String> = names.collect();
    let alert = app::alert::tag::tag(&desk.ctx.store, &caller.actor, id, &names).await?;
    shown_alone(&desk.ctx, &alert).await
}

/// A note.
async fn shown(store: &store::Store, caller: &Caller, note: &Note) -> Answer<Value> {
    let creator = creator(store, caller, caller.org, &note.by, None).await?;
    Ok(json!({ "id": note.id, "text": note.text, "created_at": note.at(), "creator": creator }))
}

/// Tags, each with the id that it has on every alert.
pub(super) fn tags(names: &[String]) -> Value {
    names.iter().map(|name| json!({ "id": tag_id(name), "name": name })).collect()
}
