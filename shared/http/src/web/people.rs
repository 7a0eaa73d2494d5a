//! People: the list, and the forms that add a person, change a role and remove a person.

mod methods;
mod person;

use std::sync::Arc;

use app::user::create::{NewUser, create};
use app::{AppError, user};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::id::UserId;
use domain::user::{Role, User};
use http::HeaderMap;
use maud::{Markup, html};
use serde::Deserialize;

use super::WebState;
use super::form::{ButtonForm, Submitted, form_error, select};
use super::frame::{Frame, Section};
use super::list::QueryParams;
use super::path_param::PathParam;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::settings::{ListPage, PAGE_SIZE, SettingsList, SettingsPage, confirmation};
use super::words::untrusted;

/// The page among the settings.
pub(super) const PAGE: SettingsPage =
    SettingsPage { path: "/people", title: "People", permission: Permission::See };

/// The routes of people.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/people", Access::SignedIn, || get(list)),
    Route::post("/people", Access::Needs(Permission::ManageUsers), || post(add)),
    Route::get("/people/{id}", Access::SignedIn, || get(person::show)),
    // Everybody may change their own methods, whatever their role.
    Route::post("/people/{id}/methods", Access::Needs(Permission::SetMethods), || post(methods::add)),
    Route::post("/people/{id}/methods/remove", Access::Needs(Permission::SetMethods), || {
        post(methods::remove)
    }),
    Route::post("/people/{id}/methods/use", Access::Needs(Permission::SetMethods), || {
        post(methods::set_rules)
    }),
    Route::post("/people/{id}/role", Access::Needs(Permission::ManageUsers), || post(change_role)),
    Route::post("/people/{id}/remove", Access::Needs(Permission::ManageUsers), || post(remove)),
];

/// The form that adds a person.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AddPersonForm {
    name: String,
    email: String,
    role: String,
}

/// The form that changes the role of a person.
#[derive(Debug, Deserialize)]
struct ChangeRoleForm {
    role: String,
}

/// The parts of the list page that depend on the request.
#[derive(Default)]
struct PeoplePage {
    after: Option<String>,
    done: &'static str,
    error: Option<String>,
    form: AddPersonForm,
}

/// Parses the name of a role.
fn parse_role(name: &str) -> Result<Role, AppError> {
    let found = Role::ALL.iter().copied().find(|role| role.name() == name);
    found.ok_or_else(|| AppError::invalid("role", "the selected role does not exist. Select another one"))
}

async fn list(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let done = match params.text("done") {
        Some("added") => {
            "Person added. They can sign in with their email address, and are notified by email."
        }
        Some("role") => "Role changed.",
        Some("removed") => "Person removed, and signed out everywhere.",
        Some(_) | None => "",
    };
    let after = params.parsed::<UserId>("after").map(|id| id.to_string());
    PeoplePage { after, done, ..PeoplePage::default() }.answer(&web, &signed_in, &headers).await
}

async fn add(
    State(web): State<Arc<WebState>>,
    Submitted { signed_in, form }: Submitted<AddPersonForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    by.may(Permission::ManageUsers).map_err(AppError::from)?;
    let created = async {
        let [name, email] = [&form.name, &form.email].map(|text| text.trim().to_owned());
        let new = NewUser { name, email, role: parse_role(&form.role)? };
        create(&ctx.store, &by, &new, &ctx.random, ctx.now()).await
    };
    match created.await {
        Ok(_) => Ok(Redirect::to("/people?done=added").into_response()),
        Err(error) => refuse(&web, &signed_in, error, form).await,
    }
}

async fn change_role(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<UserId>,
    Submitted { signed_in, form }: Submitted<ChangeRoleForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    let changed = async {
        let role = parse_role(&form.role)?;
        user::role::set(&ctx.store, &by, id, role, &ctx.random, ctx.now()).await
    };
    match changed.await {
        Ok(_) => Ok(Redirect::to("/people?done=role").into_response()),
        Err(error) => refuse(&web, &signed_in, error, AddPersonForm::default()).await,
    }
}

async fn remove(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<UserId>,
    Submitted { signed_in, form: ButtonForm {} }: Submitted<ButtonForm>,
) -> Result<Response, Refusal> {
    let ctx = &web.ctx;
    match user::remove::remove(&ctx.store, &signed_in.actor(), id, &ctx.random, ctx.now()).await {
        Ok(()) => Ok(Redirect::to("/people?done=removed").into_response()),
        Err(error) => refuse(&web, &signed_in, error, AddPersonForm::default()).await,
    }
}

/// Answers with the list and the error.
async fn refuse(
    web: &WebState,
    signed_in: &SignedIn,
    error: AppError,
    form: AddPersonForm,
) -> Result<Response, Refusal> {
    let page = PeoplePage { error: Some(form_error(error)?), form, ..PeoplePage::default() };
    page.answer(web, signed_in, &HeaderMap::new()).await
}

impl PeoplePage {
    async fn answer(
        self,
        web: &WebState,
        signed_in: &SignedIn,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        let org = signed_in.session.org;
        let found = web.ctx.store.users_after(org, self.after.as_deref(), PAGE_SIZE + 1).await?;
        let page = ListPage::new(found, |user| user.id.to_string());
        let frame = Frame::new(web, signed_in, Section::Settings);
        let may_add = frame.may(Permission::ManageUsers);
        let list = SettingsList {
            page: &PAGE,
            done: confirmation(self.done),
            answers_form: self.error.is_some(),
            error: self.error,
            intro: html! {},
            // The list does not update automatically, because people select roles in it.
            list: html! { ul.card.rows.people { @for user in &page.items { (row(&frame, user)) } } },
            next: page.next.map(|after| (after, "More")),
            form: if may_add {
                add_form(&frame, &self.form)
            } else {
                html! {}
            },
        };
        Ok(list.answer(frame, headers))
    }
}

/// The label of a role.
const fn role_label(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer",
        Role::Responder => "Responder",
        Role::Administrator => "Administrator",
        Role::Owner => "Owner",
    }
}

/// The roles that the signed-in person may give.
fn roles(frame: &Frame<'_>) -> impl Iterator<Item = (String, &'static str)> {
    let may_make_owners = frame.may(Permission::ManageOwners);
    let offered = Role::ALL.iter().filter(move |role| may_make_owners || **role != Role::Owner);
    offered.map(|role| (role.name().to_owned(), role_label(*role)))
}

/// A person in the list.
fn row(frame: &Frame<'_>, user: &User) -> Markup {
    let path = format!("/people/{}", user.id);
    let may_change = user.role != Role::Owner || frame.may(Permission::ManageOwners);
    let is_self = user.id == frame.signed_in.user.id;
    html! {
        li.person {
            div {
                h2 { a.plain href=(path) { (untrusted(&user.name)) } @if is_self { span.soft { " (you)" } } }
                ul.facts {
                    li { (untrusted(&user.email)) }
                    li { strong { (role_label(user.role)) } }
                }
            }
            @if frame.may(Permission::ManageUsers) && may_change { (row_actions(frame, user, &path)) }
        }
    }
}

/// The forms that change the role of a person and remove them.
fn row_actions(frame: &Frame<'_>, user: &User, path: &str) -> Markup {
    let confirm = format!(
        "{} is no longer notified, and is signed out everywhere. If a level has nobody else, the fallback contact is \
         notified. Remove {}?",
        user.name, user.name
    );
    html! {
        div.buttons {
            form.given method="post" action=(format!("{path}/role")) {
                (frame.token_field())
                label {
                    span.unseen { "Role of " (user.name) }
                    select name="role" {
                        @for (value, label) in roles(frame) {
                            option value=(value) selected[value == user.role.name()] { (label) }
                        }
                    }
                }
                button type="submit" { "Change role" span.unseen { " of " (user.name) } }
            }
            form method="post" action=(format!("{path}/remove")) data-confirm=(confirm) {
                (frame.token_field())
                button type="submit" { "Remove" span.unseen { " " (user.name) } }
            }
        }
    }
}

/// The form that adds a person.
fn add_form(frame: &Frame<'_>, form: &AddPersonForm) -> Markup {
    let role = if form.role.is_empty() { Role::Responder.name() } else { form.role.as_str() };
    html! {
        form.card method="post" action="/people" aria-labelledby="add" {
            (frame.token_field())
            h2 #add { "Add a person" }
            div.fields {
                label.field {
                    span { "Name" }
                    input type="text" name="name" value=(form.name) maxlength="200" required dir="auto"
                        autocomplete="off";
                }
                label.field {
                    span { "Email address" }
                    input type="text" inputmode="email" name="email" value=(form.email) maxlength="254" required
                        autocomplete="off";
                }
                (select("role", "Role", "Select a role", roles(frame), Some(role)))
            }
            p.hint { "Sign-in links and notifications are sent to this email address." }
            div.buttons { button.primary type="submit" { "Add person" } }
        }
    }
}
