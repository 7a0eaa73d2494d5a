//! API keys: which there are, a new one, whose token is shown once, and the end of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::AppError;
use app::api_key::create::create;
use app::api_key::{ApiKeySettings, revoke};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::access::{KeyRole, Permission};
use domain::api_key::ApiKey;
use domain::id::ApiKeyId;
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};

use super::Desk;
use super::audit::name;
use super::escalations::Id;
use super::frame::{Frame, Section};
use super::incident::complaint;
use super::list::{Terms, Wanted};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::settings::{self, Part, Pressed, head, onward};
use super::submitted::Submitted;
use super::words::{capital, foreign, time};

/// The routes of API keys.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/api-keys", Access::Needs(Permission::ManageApiKeys), || get(all)),
    Route::post("/api-keys", Access::Needs(Permission::ManageApiKeys), || post(make)),
    Route::post("/api-keys/{id}/revoke", Access::Needs(Permission::ManageApiKeys), || post(end)),
];

/// How many keys a page shows.
const MOST: usize = 50;

/// What the field of a role begins with; its rest is the role.
const MAY: &str = "may-";

/// What the page says beside the list.
#[derive(Default)]
struct Said {
    after: Option<String>,
    done: &'static str,
    /// A key that was just made, by its name, and what its program shows.
    made: Option<(String, String)>,
    complaint: Option<String>,
    draft: BTreeMap<String, String>,
}

async fn all(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    wanted: Wanted,
) -> Result<Response, Refusal> {
    let terms = Terms::read("/api-keys", wanted);
    let done = match terms.text("done") {
        Some("revoked") => "The key is revoked: within half a minute it opens nothing any more.",
        Some(_) | None => "",
    };
    let after = terms.chosen::<ApiKeyId>("after").map(|id| id.to_string());
    shown(&desk, &signed_in, &headers, Said { after, done, ..Said::default() }).await
}

/// What a form asks for.
fn asked(form: &BTreeMap<String, String>) -> Result<ApiKeySettings, AppError> {
    let text = |name: &str| form.get(name).map(|text| text.trim().to_owned()).unwrap_or_default();
    let named = form.keys().filter_map(|field| field.strip_prefix(MAY));
    let roles = named.map(|name| name.parse::<KeyRole>());
    let roles = roles.collect::<Result<Vec<_>, _>>();
    let roles = roles.map_err(|unknown| AppError::invalid("role", unknown.to_string()))?;
    if roles.is_empty() {
        return Err(AppError::invalid("role", "choose at least one thing that the key may do"));
    }
    Ok(ApiKeySettings { name: text("name"), comments: text("comments"), roles })
}

async fn make(
    State(desk): State<Arc<Desk>>,
    Submitted { signed_in, form }: Submitted<BTreeMap<String, String>>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    by.may(Permission::ManageApiKeys).map_err(AppError::from)?;
    let made =
        async { create(&ctx.store, &ctx.seal, &by, asked(&form)?, &ctx.random, ctx.now()).await }.await;
    let none = HeaderMap::new();
    match made {
        Ok((key, token)) => {
            let said = Said { made: Some((key.name, token)), ..Said::default() };
            shown(&desk, &signed_in, &none, said).await
        }
        Err(error) => {
            let said = Said { complaint: Some(complaint(error)?), draft: form, ..Said::default() };
            let page = shown(&desk, &signed_in, &none, said).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn end(
    State(desk): State<Arc<Desk>>,
    id: Id<ApiKeyId>,
    Submitted { signed_in, form: Pressed {} }: Submitted<Pressed>,
) -> Result<Redirect, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let ctx = &desk.ctx;
    revoke::revoke(&ctx.store, &signed_in.actor(), id, &ctx.random, ctx.now()).await?;
    Ok(Redirect::to("/api-keys?done=revoked"))
}

/// The page.
async fn shown(
    desk: &Desk,
    signed_in: &SignedIn,
    headers: &HeaderMap,
    said: Said,
) -> Result<Response, Refusal> {
    signed_in.actor().may(Permission::ManageApiKeys).map_err(AppError::from)?;
    let (store, org) = (&desk.ctx.store, signed_in.session.org);
    let mut keys = store.api_keys_after(org, said.after.as_deref(), MOST + 1).await?;
    let more = keys.len() > MOST;
    keys.truncate(MOST);
    let mut rows = Vec::new();
    for key in &keys {
        rows.push((key, name(desk, signed_in, &key.creator).await?));
    }
    let last = keys.last().filter(|_| more).map(|key| key.id);
    let mut frame = Frame::new(desk, signed_in, Section::Settings);
    frame.from = Some("/api-keys".to_owned());
    let main = html! {
        (head(&frame, Part::ApiKeys))
        (settings::said(said.done, said.complaint.as_deref()))
        @if let Some((name, token)) = &said.made {
            div.flash role="status" {
                p { "The key " strong { (foreign(name)) } " is made. It is shown this once: copy it now." }
                p { code.token { (token) } }
            }
        }
        div #list data-live {
            @if rows.is_empty() { p.empty { "There is no API key." } } @else {
                ul.card.rows { @for (key, by) in &rows { (row(&frame, key, by)) } }
            }
        }
        (onward("/api-keys", last, "More"))
        (form(&frame, &said.draft))
    };
    Ok(frame.answer(headers, "API keys", &main))
}

/// A key, with what ends it.
fn row(frame: &Frame<'_>, key: &ApiKey, by: &str) -> Markup {
    let does: Vec<&str> =
        key.roles.iter().filter(|role| !role.grants().is_empty()).map(|role| role.what()).collect();
    let sure = format!("Whatever uses “{}” is refused from then on. Revoke it?", key.name);
    html! {
        li.person {
            div {
                h2 { (foreign(&key.name)) }
                ul.facts {
                    li { "Made " (time(key.created_at, frame.now)) " by " (foreign(by)) }
                    @if key.issued_at != key.created_at { li { "Token of " (time(key.issued_at, frame.now)) } }
                }
                @if !key.comments.is_empty() { p dir="auto" { (key.comments) } }
                p.soft { @if does.is_empty() { "It may do nothing." } @else { "It may " (does.join("; ")) "." } }
            }
            div.buttons {
                form method="post" action=(format!("/api-keys/{}/revoke", key.id)) data-sure=(sure) {
                    (frame.field())
                    button type="submit" { "Revoke" span.unseen { " " (key.name) } }
                }
            }
        }
    }
}

/// What makes a key: nobody is offered more than they may do themselves.
fn form(frame: &Frame<'_>, draft: &BTreeMap<String, String>) -> Markup {
    let roles = KeyRole::all().into_iter().filter(|role| {
        let grants = role.grants();
        !grants.is_empty() && grants.iter().all(|what| frame.may(*what))
    });
    let text = |name: &str| draft.get(name).map(String::as_str).unwrap_or_default();
    html! {
        form.card method="post" action="/api-keys" aria-labelledby="make" {
            (frame.field())
            h2 #make { "Make an API key" }
            label.field {
                span { "Name" }
                input type="text" name="name" value=(text("name")) maxlength="100" required dir="auto" autocomplete="off";
            }
            label.field {
                span { "What it is for" }
                input type="text" name="comments" value=(text("comments")) maxlength="1000" dir="auto" autocomplete="off";
            }
            fieldset.may {
                legend { "It may" }
                @for role in roles {
                    @let field = format!("{MAY}{}", role.name());
                    label {
                        input type="checkbox" name=(field) value="on" checked[draft.contains_key(&field)];
                        " " (capital(role.what()))
                    }
                }
            }
            div.buttons { button.primary type="submit" { "Make key" } }
        }
    }
}
