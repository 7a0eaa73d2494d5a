//! What choices of every kind have in common: lists, single choices and deletion.

use app::AppError;
use axum::Json;
use axum::extract::State;
use domain::choice::{Choice, Configured};
use serde::Serialize;

use crate::api::{ApiResult, SharedState};
use crate::auth::Caller;
use crate::schema::Id;

/// A kind of choice that the API serves.
pub(crate) trait ChoiceResource: Choice {
    /// A choice in a reply.
    type View: Serialize + for<'a> From<&'a Configured<Self>>;
    /// A reply with one choice.
    type Reply: Serialize + From<Self::View>;
    /// A reply with all choices.
    type ListReply: Serialize + From<Vec<Self::View>>;
}

/// The reply with one choice.
pub(crate) fn reply<T: ChoiceResource>(choice: &Configured<T>) -> Json<T::Reply> {
    Json(T::View::from(choice).into())
}

/// The choice with an id; `None` if there is no such choice. A choice in use is never deleted.
pub(crate) fn find<T: ChoiceResource>(choices: &[Configured<T>], id: T::Id) -> Option<T::View> {
    choices.iter().find(|choice| choice.id == id).map(Into::into)
}

/// Lists all choices of a kind.
pub(crate) async fn list<T: ChoiceResource>(
    State(api): SharedState,
    caller: Caller,
) -> ApiResult<Json<T::ListReply>> {
    let all = api.ctx.store.choices::<T>(caller.org).await?;
    Ok(Json(all.iter().map(T::View::from).collect::<Vec<_>>().into()))
}

/// Shows a choice.
pub(crate) async fn show<T: ChoiceResource>(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<T::Id>,
) -> ApiResult<Json<T::Reply>> {
    let choice = api.ctx.store.choice::<T>(caller.org, id).await?;
    Ok(reply(&choice.ok_or_else(|| AppError::not_found(T::KIND.name(), id))?))
}

/// Deletes a choice. One that was ever used is not deleted.
pub(crate) async fn delete<T: ChoiceResource>(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<T::Id>,
) -> ApiResult<()> {
    let ctx = &api.ctx;
    Ok(app::choice::save::delete::<T>(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?)
}
