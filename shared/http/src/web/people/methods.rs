//! The forms that change how a person is notified: add a method, remove a method, set its rules.

use std::sync::Arc;

use app::AppError;
use app::user::methods::{add_method, remove_method, set_use};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use domain::Actor;
use domain::id::{MethodId, UserId};
use domain::user::{MethodType, NotificationMethod, Urgency, User};
use http::HeaderMap;
use maud::{Markup, html};
use serde::Deserialize;

use super::person::{PersonPage, delay_label, urgency_label};
use crate::web::WebState;
use crate::web::form::{Submitted, form_error, select};
use crate::web::frame::Frame;
use crate::web::path_param::PathParam;
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;
use crate::web::words::capitalize;

/// The delays that the form offers, in seconds.
const DELAYS: &[u32] = &[0, 60, 120, 300, 600, 900, 1800, 3600];

/// The form that adds a notification method.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AddMethodForm {
    channel: String,
    address: String,
}

/// The form that removes a notification method.
#[derive(Debug, Deserialize)]
pub(super) struct RemoveMethodForm {
    /// The id of the method.
    #[serde(default)]
    method: String,
}

/// The form that sets when a method is used: the delay for each urgency, in seconds. An empty delay means never.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MethodRulesForm {
    method: String,
    high: String,
    low: String,
}

pub(super) async fn add(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<UserId>,
    Submitted { signed_in, form }: Submitted<AddMethodForm>,
) -> Result<Response, Refusal> {
    signed_in.actor().may_reach(id).map_err(AppError::from)?;
    let added = match offered().find(|offered| offered.name() == form.channel) {
        Some(method) => add_method(&web.ctx, &signed_in.actor(), id, (method, form.address.trim())).await,
        None => Err(AppError::invalid("channel", "select a method")),
    };
    let page = match added {
        Ok(added) => PersonPage { added: Some(added), ..PersonPage::default() },
        Err(error) => PersonPage { error: Some(form_error(error)?), form, ..PersonPage::default() },
    };
    page.answer(&web, &signed_in, &HeaderMap::new(), id).await
}

pub(super) async fn remove(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<UserId>,
    Submitted { signed_in, form }: Submitted<RemoveMethodForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    let method = method_id(&by, id, &form.method)?;
    let removed = remove_method(&ctx.store, &by, (id, method), &ctx.random, ctx.now()).await;
    answer(&web, &signed_in, id, removed).await
}

pub(super) async fn set_rules(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<UserId>,
    Submitted { signed_in, form }: Submitted<MethodRulesForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    let method = method_id(&by, id, &form.method)?;
    let saved = match (delay(&form.high), delay(&form.low)) {
        (Ok(high), Ok(low)) => {
            let delays = [(Urgency::High, high), (Urgency::Low, low)];
            set_use(&ctx.store, &by, (id, method), delays, &ctx.random, ctx.now()).await
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    answer(&web, &signed_in, id, saved).await
}

/// The channels for which people enter an address.
fn offered() -> impl Iterator<Item = MethodType> {
    MethodType::ALL.iter().copied().filter(|method| method.facts().address_hint.is_some())
}

/// Parses the id of a method, for somebody who may change how this person is notified.
fn method_id(by: &Actor, id: UserId, method: &str) -> Result<MethodId, Refusal> {
    by.may_reach(id).map_err(AppError::from)?;
    method.parse().map_err(|_| Refusal::NotFound)
}

/// Parses a delay in seconds. `None` if the method is not used.
fn delay(text: &str) -> Result<Option<u32>, AppError> {
    let invalid = |_| AppError::invalid("delay", "select one of the offered delays");
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(invalid) }
}

/// Redirects to the page of the person, or answers with that page and the error.
async fn answer(
    web: &WebState,
    signed_in: &SignedIn,
    id: UserId,
    result: Result<User, AppError>,
) -> Result<Response, Refusal> {
    match result {
        Ok(_) => Ok(Redirect::to(&format!("/people/{id}?done=saved")).into_response()),
        Err(error) => {
            let page = PersonPage { error: Some(form_error(error)?), ..PersonPage::default() };
            page.answer(web, signed_in, &HeaderMap::new(), id).await
        }
    }
}

/// The forms that set the rules of a method and remove it.
pub(super) fn method_forms(frame: &Frame<'_>, user: &User, method: &NotificationMethod) -> Markup {
    let path = format!("/people/{}/methods", user.id);
    let name = format!("{} to {}", method.method_type.facts().label, method.address);
    let field = |name: &str, urgency: Urgency| {
        let mut used = user.reached_by(urgency).into_iter().filter(|(_, used)| used.id == method.id);
        let current = used.next().map(|(seconds, _)| seconds);
        let mut delays: Vec<u32> = DELAYS.iter().copied().chain(current).collect();
        delays.sort_unstable();
        delays.dedup();
        let options: Vec<(String, String)> = delays
            .into_iter()
            .map(|seconds| (seconds.to_string(), capitalize(&delay_label(seconds))))
            .collect();
        let options = options.iter().map(|(value, label)| (value.clone(), label.as_str()));
        let chosen = current.map(|seconds| seconds.to_string());
        select(name, urgency_label(urgency), "Not used", options, chosen.as_deref())
    };
    html! {
        details {
            summary { "Change" span.unseen { " " (name) } }
            form.inline method="post" action=(format!("{path}/use")) {
                (frame.token_field())
                input type="hidden" name="method" value=(method.id);
                (field("high", Urgency::High))
                (field("low", Urgency::Low))
                button type="submit" { "Save" }
            }
            @if user.methods.len() > 1 {
                form method="post" action=(format!("{path}/remove")) {
                    (frame.token_field())
                    input type="hidden" name="method" value=(method.id);
                    button type="submit" { "Remove" span.unseen { " " (name) } }
                }
            }
        }
    }
}

/// The form that adds a method.
pub(super) fn add_form(frame: &Frame<'_>, user: &User, form: &AddMethodForm) -> Markup {
    let options = offered().map(|method| (method.name().to_owned(), method.facts().label));
    html! {
        form.card method="post" action=(format!("/people/{}/methods", user.id)) aria-labelledby="add" {
            (frame.token_field())
            h2 #add { "Add a notification method" }
            (select("channel", "Method", "Select a method", options, Some(form.channel.as_str())))
            label.field {
                span { "Address" }
                input type="text" name="address" value=(form.address) maxlength="1000" required autocomplete="off"
                    aria-describedby="address-hint";
            }
            p.hint #address-hint {
                @for hint in offered().filter_map(|method| method.facts().address_hint) { (hint) " " }
                "After you have added the method, set when it is used."
            }
            div.buttons { button.primary type="submit" { "Add method" } }
        }
    }
}
