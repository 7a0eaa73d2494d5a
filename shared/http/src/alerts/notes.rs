//! Notes and tags of alerts.

use app::AppError;
use axum::Json;
use axum::extract::State;
use domain::alert::note::Note;
use domain::id::{AlertId, NoteId};
use futures_util::future::try_join_all;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlertReply, reply};
use crate::ApiError;
use crate::actor::ActorView;
use crate::api::{ApiResult, JsonBody, SharedState, required_id};
use crate::auth::Caller;
use crate::query::Query;
use crate::schema::{Id, Time};

/// A note of an alert.
#[derive(Serialize, JsonSchema)]
pub(super) struct AlertNoteView {
    /// The id.
    id: Id<NoteId>,
    /// The text.
    text: String,
    /// When the note was written.
    created_at: Time,
    /// Who wrote the note.
    creator: ActorView,
}

impl AlertNoteView {
    async fn load(store: &store::Store, caller: &Caller, note: &Note) -> ApiResult<Self> {
        let creator = ActorView::load(store, caller, &note.by, None).await?;
        Ok(Self { id: Id(note.id), text: note.text.clone(), created_at: Time(note.at()), creator })
    }
}

/// A reply with a note.
#[derive(Serialize, JsonSchema)]
pub(super) struct NoteReply {
    alert_note: AlertNoteView,
}

/// A reply with all notes of an alert.
#[derive(Serialize, JsonSchema)]
pub(super) struct NoteListReply {
    alert_notes: Vec<AlertNoteView>,
}

/// A note to add.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AlertNotePayload")]
pub(super) struct NotePayload {
    /// The id of the alert.
    #[schemars(length(min = 1))]
    alert_id: String,
    /// The text.
    text: String,
}

/// The tags to set.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AlertTagsPayload")]
pub(super) struct TagsPayload {
    /// The tags. Tags that are not in this list are removed.
    tags: Vec<TagPayload>,
}

/// A tag: its name, or an object as replies have it.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum TagPayload {
    /// The name.
    Name(String),
    /// An object with the name.
    Object {
        /// The name.
        name: String,
    },
}

/// The error of a verb on an alert that a parameter names: 422 and not 404, because the path exists.
fn unknown_alert(error: AppError) -> ApiError {
    match error {
        AppError::NotFound { id, .. } => {
            ApiError::invalid("alert_id", format!("There is no alert with the id `{id}`"))
        }
        error => error.into(),
    }
}

/// Lists the notes of an alert, newest first.
pub(super) async fn list(
    State(api): SharedState,
    caller: Caller,
    query: Query,
) -> ApiResult<Json<NoteListReply>> {
    let store = &api.ctx.store;
    let id: AlertId = required_id("alert", "alert_id", query.one("alert_id").map(str::to_owned))?;
    let notes = app::alert::note::notes(store, &caller.actor, id).await.map_err(unknown_alert)?;
    let views = try_join_all(notes.iter().map(|note| AlertNoteView::load(store, &caller, note))).await?;
    Ok(Json(NoteListReply { alert_notes: views }))
}

/// Adds a note.
pub(super) async fn write(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<NotePayload>,
) -> ApiResult<(StatusCode, Json<NoteReply>)> {
    let ctx = &api.ctx;
    let id: AlertId = required_id("alert", "alert_id", Some(body.alert_id))?;
    let note =
        app::alert::note::note(&ctx.store, &caller.actor, id, &body.text, &ctx.random, ctx.now()).await;
    let note = note.map_err(unknown_alert)?;
    let alert_note = AlertNoteView::load(&ctx.store, &caller, &note).await?;
    Ok((StatusCode::CREATED, Json(NoteReply { alert_note })))
}

/// Sets the tags of an alert.
pub(super) async fn tag(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<AlertId>,
    JsonBody { body, .. }: JsonBody<TagsPayload>,
) -> ApiResult<Json<AlertReply>> {
    let names = body.tags.into_iter().map(|tag| match tag {
        TagPayload::Name(name) | TagPayload::Object { name } => name,
    });
    let names: Vec<String> = names.collect();
    let alert = app::alert::tag::tag(&api.ctx.store, &caller.actor, id, &names).await?;
    reply(&api.ctx, &alert).await
}
