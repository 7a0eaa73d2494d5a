//! What choices of every kind have in common: they are listed, shown and deleted alike.

use app::AppError;
use axum::Json;
use axum::extract::State;
use domain::choice::{Choice, Configured};
use serde_json::{Value, json};

use crate::api::{Answer, Id, Shared};
use crate::auth::Caller;

/// A choice that the API offers.
pub(crate) trait Offer: Choice {
    /// The name of one in a reply.
    const ONE: &'static str;
    /// The name of a list of them.
    const MANY: &'static str;

    /// One, in full.
    fn shown(choice: &Configured<Self>) -> Value;
}

/// Shows one alone.
pub(crate) fn alone<T: Offer>(choice: &Configured<T>) -> Json<Value> {
    Json(json!({ T::ONE: T::shown(choice) }))
}

/// Lists all of a kind.
pub(crate) async fn list<T: Offer>(State(desk): Shared, caller: Caller) -> Answer<Json<Value>> {
    let all = desk.ctx.store.choices::<T>(caller.org).await?;
    Ok(Json(json!({ T::MANY: all.iter().map(T::shown).collect::<Vec<_>>() })))
}

/// Shows one.
pub(crate) async fn show<T: Offer>(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<T::Id>,
) -> Answer<Json<Value>> {
    let found = desk.ctx.store.choice::<T>(caller.org, id).await?;
    Ok(alone(&found.ok_or_else(|| AppError::not_found(T::KIND.name(), id))?))
}

/// Deletes one that nothing was ever given.
pub(crate) async fn destroy<T: Offer>(State(desk): Shared, caller: Caller, Id(id): Id<T::Id>) -> Answer<()> {
    let ctx = &desk.ctx;
    Ok(app::choice::save::delete::<T>(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?)
}
