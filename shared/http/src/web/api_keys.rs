//! API keys: the list, the form that creates a key, and the button that revokes one.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::AppError;
use app::api_key::create::create;
use app::api_key::{ApiKeySettings, revoke};
use axum::extract::State;
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use domain::access::{KeyRole, Permission};
use domain::api_key::ApiKey;
use domain::id::ApiKeyId;
use http::HeaderMap;
use maud::{Markup, html};

use super::WebState;
use super::audit::actor_name;
use super::form::{ButtonForm, Submitted, form_error};
use super::frame::{Frame, Section};
use super::list::QueryParams;
use super::path_param::PathParam;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::settings::{ListPage, PAGE_SIZE, SettingsList, SettingsPage, confirmation};
use super::words::{capitalize, time, untrusted};

/// The page among the settings.
pub(super) const PAGE: SettingsPage =
    SettingsPage { path: "/api-keys", title: "API keys", permission: Permission::ManageApiKeys };

/// The routes of API keys.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/api-keys", Access::Needs(Permission::ManageApiKeys), || get(list)),
    Route::post("/api-keys", Access::Needs(Permission::ManageApiKeys), || post(add)),
    Route::post("/api-keys/{id}/revoke", Access::Needs(Permission::ManageApiKeys), || post(revoke_key)),
];

/// The prefix of the checkbox of a role. The rest of its name is the name of the role.
const ROLE_PREFIX: &str = "may-";

/// The fields of the form that creates a key: a name, a comment, and a checkbox for each role.
type CreateKeyForm = BTreeMap<String, String>;

/// The parts of the page that depend on the request.
#[derive(Default)]
struct ApiKeysPage {
    after: Option<String>,
    done: &'static str,
    /// The name and the token of the key that was just created.
    created: Option<(String, String)>,
    error: Option<String>,
    form: CreateKeyForm,
}

async fn list(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let done = match params.text("done") {
        Some("revoked") => "API key revoked. Requests with it are refused within 30 seconds.",
        Some(_) | None => "",
    };
    let after = params.parsed::<ApiKeyId>("after").map(|id| id.to_string());
    ApiKeysPage { after, done, ..ApiKeysPage::default() }.answer(&web, &signed_in, &headers).await
}

/// Reads the form.
fn new_key(form: &CreateKeyForm) -> Result<ApiKeySettings, AppError> {
    let text = |name: &str| form.get(name).map(|text| text.trim().to_owned()).unwrap_or_default();
    let names = form.keys().filter_map(|field| field.strip_prefix(ROLE_PREFIX));
    let roles = names.map(|name| name.parse::<KeyRole>()).collect::<Result<Vec<_>, _>>();
    let roles = roles.map_err(|unknown| AppError::invalid("role", unknown.to_string()))?;
    if roles.is_empty() {
        return Err(AppError::invalid("role", "select at least one permission"));
    }
    Ok(ApiKeySettings { name: text("name"), comments: text("comments"), roles })
}

async fn add(
    State(web): State<Arc<WebState>>,
    Submitted { signed_in, form }: Submitted<CreateKeyForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    by.may(Permission::ManageApiKeys).map_err(AppError::from)?;
    let created = async { create(&ctx.store, &ctx.seal, &by, new_key(&form)?, &ctx.random, ctx.now()).await };
    let page = match created.await {
        Ok((key, token)) => ApiKeysPage { created: Some((key.name, token)), ..ApiKeysPage::default() },
        Err(error) => ApiKeysPage { error: Some(form_error(error)?), form, ..ApiKeysPage::default() },
    };
    page.answer(&web, &signed_in, &HeaderMap::new()).await
}

async fn revoke_key(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<ApiKeyId>,
    Submitted { signed_in, form: ButtonForm {} }: Submitted<ButtonForm>,
) -> Result<Redirect, Refusal> {
    let ctx = &web.ctx;
    revoke::revoke(&ctx.store, &signed_in.actor(), id, &ctx.random, ctx.now()).await?;
    Ok(Redirect::to("/api-keys?done=revoked"))
}

impl ApiKeysPage {
    async fn answer(
        self,
        web: &WebState,
        signed_in: &SignedIn,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        signed_in.actor().may(Permission::ManageApiKeys).map_err(AppError::from)?;
        let (store, org) = (&web.ctx.store, signed_in.session.org);
        let keys = store.api_keys_after(org, self.after.as_deref(), PAGE_SIZE + 1).await?;
        let page = ListPage::new(keys, |key| key.id.to_string());
        let mut rows = Vec::new();
        for key in &page.items {
            rows.push((key, actor_name(web, signed_in, &key.creator).await?));
        }
        let frame = Frame::new(web, signed_in, Section::Settings);
        let list = html! {
            div #list data-live {
                @if rows.is_empty() { p.empty { "No API keys yet." } } @else {
                    ul.card.rows { @for (key, creator) in &rows { (row(&frame, key, creator)) } }
                }
            }
        };
        let list = SettingsList {
            page: &PAGE,
            done: confirmation(self.done),
            answers_form: self.error.is_some() || self.created.is_some(),
            error: self.error,
            intro: html! { @if let Some((name, token)) = &self.created { (key_created(name, token)) } },
            list,
            next: page.next.map(|after| (after, "More")),
            form: create_form(&frame, &self.form),
        };
        Ok(list.answer(frame, headers))
    }
}

/// The confirmation that a key was created, with its token. The token is not shown again.
fn key_created(name: &str, token: &str) -> Markup {
    html! {
        div.flash role="status" {
            p { "API key " strong { (untrusted(name)) } " created. Copy it now: it is not shown again." }
            p { code.token { (token) } }
        }
    }
}

/// A key in the list, with the button that revokes it.
fn row(frame: &Frame<'_>, key: &ApiKey, creator: &str) -> Markup {
    let permissions: Vec<&str> =
        key.roles.iter().filter(|role| !role.grants().is_empty()).map(|role| role.what()).collect();
    let confirm = format!("Programs that use “{}” can no longer access the API. Revoke this key?", key.name);
    html! {
        li.person {
            div {
                h2 { (untrusted(&key.name)) }
                ul.facts {
                    li { "Created " (time(key.created_at, frame.now)) " by " (untrusted(creator)) }
                    @if key.issued_at != key.created_at { li { "Rotated " (time(key.issued_at, frame.now)) } }
                }
                @if !key.comments.is_empty() { p dir="auto" { (key.comments) } }
                p.soft {
                    @if permissions.is_empty() { "No permissions." }
                    @else { "Permissions: " (permissions.join("; ")) "." }
                }
            }
            div.buttons {
                form method="post" action=(format!("/api-keys/{}/revoke", key.id)) data-confirm=(confirm) {
                    (frame.token_field())
                    button type="submit" { "Revoke" span.unseen { " " (key.name) } }
                }
            }
        }
    }
}

/// The form that creates a key. It offers only roles whose permissions the signed-in person has.
fn create_form(frame: &Frame<'_>, form: &CreateKeyForm) -> Markup {
    let roles = KeyRole::all().into_iter().filter(|role| {
        let grants = role.grants();
        !grants.is_empty() && grants.iter().all(|permission| frame.may(*permission))
    });
    let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    html! {
        form.card method="post" action="/api-keys" aria-labelledby="create" {
            (frame.token_field())
            h2 #create { "Create an API key" }
            label.field {
                span { "Name" }
                input type="text" name="name" value=(text("name")) maxlength="100" required dir="auto"
                    autocomplete="off";
            }
            label.field {
                span { "Description " span.soft { "(optional)" } }
                input type="text" name="comments" value=(text("comments")) maxlength="1000" dir="auto"
                    autocomplete="off";
            }
            fieldset.may {
                legend { "Permissions" }
                @for role in roles {
                    @let field = format!("{ROLE_PREFIX}{}", role.name());
                    label {
                        input type="checkbox" name=(field) value="on" checked[form.contains_key(&field)];
                        " " (capitalize(role.what()))
                    }
                }
            }
            div.buttons { button.primary type="submit" { "Create API key" } }
        }
    }
}
