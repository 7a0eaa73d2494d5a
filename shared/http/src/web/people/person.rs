//! The page of one person: how they are reached, and when.

use std::sync::Arc;

use app::AppError;
use app::user::methods::{AddedMethod, add_method, remove_method, set_use};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::Actor;
use domain::access::Permission;
use domain::id::{MethodId, UserId};
use domain::user::{MethodType, NotificationMethod, NotificationRule, RuleTarget, Urgency, User};
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use maud::{Markup, html};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::called;
use crate::web::Desk;
use crate::web::escalations::Id;
use crate::web::frame::{Frame, Section};
use crate::web::incident::complaint;
use crate::web::list::select;
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;
use crate::web::settings::{self, Part, parts};
use crate::web::submitted::Submitted;
use crate::web::words::{capital, foreign, length};

/// The channels that are offered: a person of Slack is known by their address, without being told.
const OFFERED: &[(MethodType, &str)] = &[(MethodType::Email, "Mail"), (MethodType::Webhook, "Webhook")];

/// A method as it is added.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    channel: String,
    address: String,
}

/// The method that a button is for.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    method: String,
}

/// When a method is to be used: how many seconds after a level began, or nothing for never.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Use {
    method: String,
    high: String,
    low: String,
}

/// The delays that are offered.
const DELAYS: &[u32] = &[0, 60, 120, 300, 600, 900, 1800, 3600];

/// What the page says beside what is there.
#[derive(Default)]
struct Said {
    added: Option<AddedMethod>,
    complaint: Option<String>,
    draft: Wanted,
}

pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    id: Id<UserId>,
    signed_in: SignedIn,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    shown(&desk, &signed_in, &headers, id, Said::default()).await
}

pub(super) async fn add(
    State(desk): State<Arc<Desk>>,
    id: Id<UserId>,
    Submitted { signed_in, form }: Submitted<Wanted>,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    signed_in.actor().may_reach(id).map_err(AppError::from)?;
    let none = HeaderMap::new();
    let chosen = OFFERED.iter().find(|(channel, _)| channel.name() == form.channel);
    let added = match chosen {
        Some((channel, _)) => {
            add_method(&desk.ctx, &signed_in.actor(), id, (*channel, form.address.trim())).await
        }
        None => Err(AppError::invalid("channel", "choose how they are reached")),
    };
    match added {
        Ok(added) => {
            let said = Said { added: Some(added), ..Said::default() };
            shown(&desk, &signed_in, &none, id, said).await
        }
        Err(error) => {
            let said = Said { complaint: Some(complaint(error)?), draft: form, ..Said::default() };
            let page = shown(&desk, &signed_in, &none, id, said).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

pub(super) async fn remove(
    State(desk): State<Arc<Desk>>,
    id: Id<UserId>,
    Submitted { signed_in, form }: Submitted<Which>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    let (id, method) = named(&by, id, &form.method)?;
    let removed = remove_method(&ctx.store, &by, (id, method), &ctx.random, ctx.now()).await;
    changed(&desk, &signed_in, id, removed).await
}

pub(super) async fn set(
    State(desk): State<Arc<Desk>>,
    id: Id<UserId>,
    Submitted { signed_in, form }: Submitted<Use>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    let (id, method) = named(&by, id, &form.method)?;
    let set = match (seconds(&form.high), seconds(&form.low)) {
        (Ok(high), Ok(low)) => {
            let delays = [(Urgency::High, high), (Urgency::Low, low)];
            set_use(&ctx.store, &by, (id, method), delays, &ctx.random, ctx.now()).await
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    changed(&desk, &signed_in, id, set).await
}

/// The person and the method that a form names, for whoever may change how they are reached.
fn named(by: &Actor, id: Id<UserId>, method: &str) -> Result<(UserId, MethodId), Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    by.may_reach(id).map_err(AppError::from)?;
    Ok((id, method.parse().map_err(|_| Refusal::Gone)?))
}

/// The seconds that were chosen; none, for never.
fn seconds(text: &str) -> Result<Option<u32>, AppError> {
    let wrong = |_| AppError::invalid("delay", "choose one of the times");
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(wrong) }
}

/// Goes back to the page, or says there what could not be.
async fn changed(
    desk: &Desk,
    signed_in: &SignedIn,
    id: UserId,
    done: Result<User, AppError>,
) -> Result<Response, Refusal> {
    match done {
        Ok(_) => Ok(Redirect::to(&format!("/people/{id}")).into_response()),
        Err(error) => {
            let said = Said { complaint: Some(complaint(error)?), ..Said::default() };
            let page = shown(desk, signed_in, &HeaderMap::new(), id, said).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// The page.
async fn shown(
    desk: &Desk,
    signed_in: &SignedIn,
    headers: &HeaderMap,
    id: UserId,
    said: Said,
) -> Result<Response, Refusal> {
    // Not out of the rules: what was just added must stand there.
    let user = desk.ctx.store.user(signed_in.session.org, id).await?.ok_or(Refusal::Gone)?;
    let mut frame = Frame::new(desk, signed_in, Section::Settings);
    frame.from = Some(format!("/people/{id}"));
    let main = html! {
        div.title {
            h1 { (foreign(&user.name)) @if id == signed_in.user.id { span.soft { " (you)" } } }
            ul.facts {
                li { (foreign(&user.email)) }
                li { strong { (called(user.role)) } }
            }
        }
        (parts(&frame, Part::People))
        @if let Some(added) = &said.added { (told(added)) }
        (settings::said("", said.complaint.as_deref()))
        div.columns {
            div.column {
                section.card aria-labelledby="methods" {
                    h2 #methods { "How they are reached" }
                    ul.rows #list {
                        @for method in &user.methods { (method_row(&frame, &user, method)) }
                    }
                    @if user.methods.is_empty() {
                        p.none { "In no way: whoever pages them pages the fallback contact." }
                    }
                }
                section.card aria-labelledby="rules" {
                    h2 #rules { "Rules" }
                    p.lead { "When they are paged, counted from when their level begins." }
                    div #rule-list data-live { (rules(&frame, &user)) }
                }
            }
            aside.column aria-label="Change how they are reached" {
                @if signed_in.actor().may_reach(id).is_ok() { (form(&frame, &user, &said.draft)) }
            }
        }
    };
    Ok(frame.answer(headers, &user.name, &main))
}

/// What was added, with its secret, which nobody is shown again.
fn told(added: &AddedMethod) -> Markup {
    html! {
        div.flash role="status" {
            p { (channel(added.method.method_type)) " to " (foreign(&added.method.address)) " is added." }
            @if let Some(secret) = &added.secret {
                p { "Each page to it is signed with this secret. It is shown this once: copy it now." }
                p { code.token { (secret.expose_secret()) } }
            }
        }
    }
}

/// How a channel is called.
const fn channel(method: MethodType) -> &'static str {
    match method {
        MethodType::Email => "Mail",
        MethodType::Slack => "Slack",
        MethodType::Webhook => "Webhook",
    }
}

/// What an urgency is called.
const fn urgency(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::High => "Urgent pages",
        Urgency::Low => "Other pages",
    }
}

/// How long after its level began.
fn delay(seconds: u32) -> String {
    match seconds {
        0 => "at once".to_owned(),
        _ => format!("after {}", length(SignedDuration::from_secs(seconds.into()))),
    }
}

/// The address of a method, for whoever may see it.
fn address(frame: &Frame<'_>, user: &User, method: &NotificationMethod) -> Markup {
    let own = user.id == frame.signed_in.user.id;
    // Everybody sees the one by which the person is known.
    let known = method.address == user.email;
    html! {
        @if own || known || frame.may(Permission::SeeAddresses) { (foreign(&method.address)) }
        @else { span.soft { "an address that you may not see" } }
    }
}

/// A method, and when it is used.
fn method_row(frame: &Frame<'_>, user: &User, method: &NotificationMethod) -> Markup {
    html! {
        li {
            p.line { span.badge { (channel(method.method_type)) } " " (address(frame, user, method)) }
            ul.facts {
                @for one in [Urgency::High, Urgency::Low] {
                    @let delays: Vec<String> = user
                        .reached_by(one)
                        .into_iter()
                        .filter(|(_, used)| used.id == method.id)
                        .map(|(seconds, _)| delay(seconds))
                        .collect();
                    li {
                        (urgency(one)) ": "
                        @if delays.is_empty() { "not used" } @else { strong { (delays.join(", ")) } }
                    }
                }
            }
            @if frame.signed_in.actor().may_reach(user.id).is_ok() { (method_forms(frame, user, method)) }
        }
    }
}

/// What sets when a method is used, and what removes it.
fn method_forms(frame: &Frame<'_>, user: &User, method: &NotificationMethod) -> Markup {
    let here = format!("/people/{}/methods", user.id);
    let label = format!("{} to {}", channel(method.method_type), method.address);
    let field = |name: &str, one: Urgency| {
        let mut used = user.reached_by(one).into_iter().filter(|(_, used)| used.id == method.id);
        let now = used.next().map(|(seconds, _)| seconds);
        let mut delays: Vec<u32> = DELAYS.iter().copied().chain(now).collect();
        delays.sort_unstable();
        delays.dedup();
        let says: Vec<(String, String)> =
            delays.into_iter().map(|seconds| (seconds.to_string(), capital(&delay(seconds)))).collect();
        let options = says.iter().map(|(value, says)| (value.clone(), says.as_str()));
        let chosen = now.map(|seconds| seconds.to_string());
        select(name, urgency(one), "Not used", options, chosen.as_deref())
    };
    html! {
        details {
            summary { "Change" span.unseen { " " (label) } }
            form.inline method="post" action=(format!("{here}/use")) {
                (frame.field())
                input type="hidden" name="method" value=(method.id);
                (field("high", Urgency::High))
                (field("low", Urgency::Low))
                button type="submit" { "Save" }
            }
            @if user.methods.len() > 1 {
                form method="post" action=(format!("{here}/remove")) {
                    (frame.field())
                    input type="hidden" name="method" value=(method.id);
                    button type="submit" { "Remove" span.unseen { " " (label) } }
                }
            }
        }
    }
}

/// The rules in the order in which they were set, which is the API's.
fn rules(frame: &Frame<'_>, user: &User) -> Markup {
    html! {
        @for one in [Urgency::High, Urgency::Low] {
            @let rules: Vec<&NotificationRule> = user.rules.iter().filter(|rule| rule.urgency == one).collect();
            h3 { (urgency(one)) }
            @if rules.is_empty() { p.none { "No rule: everything is used, at once." } } @else {
                ol.rows { @for rule in rules { li { (rule_line(frame, user, rule)) } } }
            }
        }
    }
}

/// What a rule says.
fn rule_line(frame: &Frame<'_>, user: &User, rule: &NotificationRule) -> Markup {
    let delay = capital(&delay(rule.delay_seconds));
    html! {
        strong { (delay) } ": "
        @match rule.target {
            RuleTarget::All => { (channel(rule.method_type)) ", to every address" }
            RuleTarget::Specific(id) => {
                @match user.methods.iter().find(|method| method.id == id) {
                    Some(method) => { (channel(rule.method_type)) " to " (address(frame, user, method)) },
                    None => { (channel(rule.method_type)) " to an address that is gone" },
                }
            }
        }
    }
}

/// What adds a method.
fn form(frame: &Frame<'_>, user: &User, draft: &Wanted) -> Markup {
    let options = OFFERED.iter().map(|(channel, says)| (channel.name().to_owned(), *says));
    html! {
        form.card method="post" action=(format!("/people/{}/methods", user.id)) aria-labelledby="add" {
            (frame.field())
            h2 #add { "Add a way to reach them" }
            (select("channel", "Channel", "Choose a channel", options, Some(draft.channel.as_str())))
            label.field {
                span { "Address" }
                input type="text" name="address" value=(draft.address) maxlength="1000" required autocomplete="off"
                    aria-describedby="address-hint";
            }
            p.hint #address-hint {
                "A mail address, or a program’s own " code { "https://" } " address. Pages to a program are signed; \
                 its secret is shown once. Once it is there, say when it is used."
            }
            div.buttons { button.primary type="submit" { "Add" } }
        }
    }
}
