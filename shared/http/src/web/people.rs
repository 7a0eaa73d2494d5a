//! People: who is in the organisation, what they may do, and the forms that change that.

mod person;

use std::sync::Arc;

use app::user::create::{NewUser, create};
use app::{AppError, user};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::id::UserId;
use domain::user::{Role, User};
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};
use serde::Deserialize;

use super::Desk;
use super::escalations::Id;
use super::frame::{Frame, Section};
use super::incident::complaint;
use super::list::{Terms, Wanted, select};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::settings::{self, Part, Pressed, head, onward};
use super::submitted::Submitted;
use super::words::{capital, foreign};

/// The routes of people.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/people", Access::SignedIn, || get(all)),
    Route::post("/people", Access::Needs(Permission::ManageUsers), || post(add)),
    Route::get("/people/{id}", Access::SignedIn, || get(person::show)),
    // Somebody's own methods are theirs to set, whatever their role.
    Route::post("/people/{id}/methods", Access::Needs(Permission::SetMethods), || post(person::add)),
    Route::post("/people/{id}/methods/remove", Access::Needs(Permission::SetMethods), || {
        post(person::remove)
    }),
    Route::post("/people/{id}/methods/use", Access::Needs(Permission::SetMethods), || post(person::set)),
    Route::post("/people/{id}/role", Access::Needs(Permission::ManageUsers), || post(change)),
    Route::post("/people/{id}/remove", Access::Needs(Permission::ManageUsers), || post(remove)),
];

/// How many people a page shows.
const MOST: usize = 50;

/// Somebody as they are added.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Added {
    name: String,
    email: String,
    role: String,
}

/// What somebody may do from now on.
#[derive(Debug, Deserialize)]
struct Changed {
    role: String,
}

/// What the page says beside the list.
#[derive(Default)]
struct Said {
    after: Option<String>,
    done: &'static str,
    complaint: Option<String>,
    draft: Added,
}

/// The role of that name.
fn role_of(name: &str) -> Result<Role, AppError> {
    let found = Role::ALL.iter().copied().find(|role| role.name() == name);
    found.ok_or_else(|| AppError::invalid("role", "there is no such role"))
}

async fn all(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    wanted: Wanted,
) -> Result<Response, Refusal> {
    let terms = Terms::read("/people", wanted);
    let done = match terms.text("done") {
        Some("added") => "They are added: they sign in with their address, and are paged by mail.",
        Some("role") => "Their role is changed.",
        Some("removed") => "They are removed, and signed out everywhere.",
        Some(_) | None => "",
    };
    let after = terms.chosen::<UserId>("after").map(|id| id.to_string());
    shown(&desk, &signed_in, &headers, Said { after, done, ..Said::default() }).await
}

async fn add(
    State(desk): State<Arc<Desk>>,
    Submitted { signed_in, form }: Submitted<Added>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    by.may(Permission::ManageUsers).map_err(AppError::from)?;
    let made = async {
        let [name, email] = [&form.name, &form.email].map(|text| text.trim().to_owned());
        let new = NewUser { name, email, role: role_of(&form.role)? };
        create(&ctx.store, &by, &new, &ctx.random, ctx.now()).await
    };
    match made.await {
        Ok(_) => Ok(Redirect::to("/people?done=added").into_response()),
        Err(error) => again(&desk, &signed_in, error, form).await,
    }
}

async fn change(
    State(desk): State<Arc<Desk>>,
    id: Id<UserId>,
    Submitted { signed_in, form }: Submitted<Changed>,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    let changed = async {
        let role = role_of(&form.role)?;
        user::role::set(&ctx.store, &by, id, role, &ctx.random, ctx.now()).await
    };
    match changed.await {
        Ok(_) => Ok(Redirect::to("/people?done=role").into_response()),
        Err(error) => again(&desk, &signed_in, error, Added::default()).await,
    }
}

async fn remove(
    State(desk): State<Arc<Desk>>,
    id: Id<UserId>,
    Submitted { signed_in, form: Pressed {} }: Submitted<Pressed>,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let ctx = &desk.ctx;
    match user::remove::remove(&ctx.store, &signed_in.actor(), id, &ctx.random, ctx.now()).await {
        Ok(()) => Ok(Redirect::to("/people?done=removed").into_response()),
        Err(error) => again(&desk, &signed_in, error, Added::default()).await,
    }
}

/// The page again, with what is wrong.
async fn again(
    desk: &Desk,
    signed_in: &SignedIn,
    error: AppError,
    draft: Added,
) -> Result<Response, Refusal> {
    let said = Said { complaint: Some(complaint(error)?), draft, ..Said::default() };
    let page = shown(desk, signed_in, &HeaderMap::new(), said).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The page.
async fn shown(
    desk: &Desk,
    signed_in: &SignedIn,
    headers: &HeaderMap,
    said: Said,
) -> Result<Response, Refusal> {
    let org = signed_in.session.org;
    let mut people = desk.ctx.store.users_after(org, said.after.as_deref(), MOST + 1).await?;
    let more = people.len() > MOST;
    people.truncate(MOST);
    let last = people.last().filter(|_| more).map(|user| user.id);
    let mut frame = Frame::new(desk, signed_in, Section::Settings);
    if said.complaint.is_some() {
        frame.from = Some("/people".to_owned());
    }
    let main = html! {
        (head(&frame, Part::People))
        (settings::said(said.done, said.complaint.as_deref()))
        // Roles are chosen in the list, so it is not renewed under whoever chooses.
        ul.card.rows.people { @for user in &people { (row(&frame, user)) } }
        (onward("/people", last, "More"))
        @if frame.may(Permission::ManageUsers) { (form(&frame, &said.draft)) }
    };
    Ok(frame.answer(headers, "People", &main))
}

/// What a role is called.
fn called(role: Role) -> String {
    capital(role.name())
}

/// The roles that whoever looks may give.
fn roles(frame: &Frame<'_>) -> impl Iterator<Item = (String, &'static str)> {
    let owners = frame.may(Permission::ManageOwners);
    let given = Role::ALL.iter().filter(move |role| owners || **role != Role::Owner);
    given.map(|role| {
        let says = match role {
            Role::Viewer => "Viewer",
            Role::Responder => "Responder",
            Role::Administrator => "Administrator",
            Role::Owner => "Owner",
        };
        (role.name().to_owned(), says)
    })
}

/// A person, with what can be done.
fn row(frame: &Frame<'_>, user: &User) -> Markup {
    let here = format!("/people/{}", user.id);
    let theirs = user.role != Role::Owner || frame.may(Permission::ManageOwners);
    let sure = format!(
        "{} is paged no more and signed out everywhere. Where nobody else is left, the fallback contact is paged. \
         Remove {}?",
        user.name, user.name
    );
    html! {
        li.person {
            div {
                h2 { a.plain href=(here) { (foreign(&user.name)) } @if user.id == frame.signed_in.user.id { span.soft { " (you)" } } }
                ul.facts {
                    li { (foreign(&user.email)) }
                    li { strong { (called(user.role)) } }
                }
            }
            @if frame.may(Permission::ManageUsers) && theirs {
                div.buttons {
                    form.given method="post" action=(format!("{here}/role")) {
                        (frame.field())
                        label {
                            span.unseen { "Role of " (user.name) }
                            select name="role" {
                                @for (value, says) in roles(frame) {
                                    option value=(value) selected[value == user.role.name()] { (says) }
                                }
                            }
                        }
                        button type="submit" { "Change" span.unseen { " the role of " (user.name) } }
                    }
                    form method="post" action=(format!("{here}/remove")) data-sure=(sure) {
                        (frame.field())
                        button type="submit" { "Remove" span.unseen { " " (user.name) } }
                    }
                }
            }
        }
    }
}

/// What adds somebody.
fn form(frame: &Frame<'_>, draft: &Added) -> Markup {
    let role = if draft.role.is_empty() { Role::Responder.name() } else { draft.role.as_str() };
    html! {
        form.card method="post" action="/people" aria-labelledby="add" {
            (frame.field())
            h2 #add { "Add somebody" }
            div.fields {
                label.field {
                    span { "Name" }
                    input type="text" name="name" value=(draft.name) maxlength="200" required dir="auto" autocomplete="off";
                }
                label.field {
                    span { "Mail address" }
                    input type="text" inputmode="email" name="email" value=(draft.email) maxlength="254" required
                        autocomplete="off";
                }
                (select("role", "Role", "Choose a role", roles(frame), Some(role)))
            }
            p.hint { "They sign in with a link that comes to this address, and are paged there." }
            div.buttons { button.primary type="submit" { "Add" } }
        }
    }
}
