//! The page of a person: their notification methods and rules.

use std::sync::Arc;

use app::user::methods::AddedMethod;
use axum::extract::State;
use axum::response::Response;
use domain::access::Permission;
use domain::id::UserId;
use domain::user::{NotificationMethod, NotificationRule, RuleTarget, Urgency, User};
use http::HeaderMap;
use jiff::SignedDuration;
use maud::{Markup, html};
use secrecy::ExposeSecret;

use super::methods::{AddMethodForm, add_form, method_forms};
use super::role_label;
use crate::web::WebState;
use crate::web::form::{error_message, refused};
use crate::web::frame::{Frame, Section};
use crate::web::list::QueryParams;
use crate::web::path_param::PathParam;
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;
use crate::web::settings::{confirmation, navigation};
use crate::web::words::{capitalize, length, untrusted};

/// Both urgencies, in the order in which they are shown.
const URGENCIES: [Urgency; 2] = [Urgency::High, Urgency::Low];

/// The parts of the page that depend on the request.
#[derive(Default)]
pub(super) struct PersonPage {
    /// The confirmation of the last action. Empty if there was none.
    pub(super) done: &'static str,
    /// The method that was just added.
    pub(super) added: Option<AddedMethod>,
    /// Why a form was refused.
    pub(super) error: Option<String>,
    /// The form that adds a method.
    pub(super) form: AddMethodForm,
}

pub(super) async fn show(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    PathParam(id): PathParam<UserId>,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let done = if params.text("done") == Some("saved") { "Changes saved." } else { "" };
    PersonPage { done, ..PersonPage::default() }.answer(&web, &signed_in, &headers, id).await
}

impl PersonPage {
    /// Answers with the page. The status is 422 if a form was refused.
    pub(super) async fn answer(
        self,
        web: &WebState,
        signed_in: &SignedIn,
        headers: &HeaderMap,
        id: UserId,
    ) -> Result<Response, Refusal> {
        // The cached rules may not have a method that was just added.
        let user = web.ctx.store.user(signed_in.session.org, id).await?.ok_or(Refusal::NotFound)?;
        let mut frame = Frame::new(web, signed_in, Section::Settings);
        frame.update_from = Some(format!("/people/{id}"));
        let may_change = signed_in.actor().may_reach(id).is_ok();
        let main = html! {
            div.title {
                h1 { (untrusted(&user.name)) @if id == signed_in.user.id { span.soft { " (you)" } } }
                ul.facts {
                    li { (untrusted(&user.email)) }
                    li { strong { (role_label(user.role)) } }
                }
            }
            (navigation(&frame, &super::PAGE))
            (confirmation(self.done))
            @if let Some(added) = &self.added { (method_added(added)) }
            (error_message(self.error.as_deref()))
            div.columns {
                div.column {
                    section.card aria-labelledby="methods" {
                        h2 #methods { "Notification methods" }
                        ul.rows #list {
                            @for method in &user.methods { (method_row(&frame, &user, method, may_change)) }
                        }
                        @if user.methods.is_empty() {
                            p.none {
                                "No notification methods. The fallback contact is notified instead of this person."
                            }
                        }
                    }
                    section.card aria-labelledby="rules" {
                        h2 #rules { "Notification rules" }
                        p.lead { "When each method is used, counted from the start of the escalation level." }
                        div #rule-list data-live { (rules(&frame, &user)) }
                    }
                }
                aside.column aria-label="Add a notification method" {
                    @if may_change { (add_form(&frame, &user, &self.form)) }
                }
            }
        };
        let page = frame.answer(headers, &user.name, &main);
        Ok(if self.error.is_some() { refused(page) } else { page })
    }
}

/// The confirmation that a method was added, with its secret. The secret is not shown again.
fn method_added(added: &AddedMethod) -> Markup {
    html! {
        div.flash role="status" {
            p {
                "Notification method added: " (added.method.method_type.facts().label) " to "
                (untrusted(&added.method.address)) "."
            }
            @if let Some(secret) = &added.secret {
                p { "Firebell signs each request with this secret. Copy it now: it is not shown again." }
                p { code.token { (secret.expose_secret()) } }
            }
        }
    }
}

/// The label of an urgency.
pub(super) const fn urgency_label(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::High => "High urgency",
        Urgency::Low => "Low urgency",
    }
}

/// A delay after the start of a level.
pub(super) fn delay_label(seconds: u32) -> String {
    match seconds {
        0 => "immediately".to_owned(),
        _ => format!("after {}", length(SignedDuration::from_secs(seconds.into()))),
    }
}

/// The address of a method, for people who may see it.
fn address(frame: &Frame<'_>, user: &User, method: &NotificationMethod) -> Markup {
    let is_own = user.id == frame.signed_in.user.id;
    // The email address of the account is shown to everybody.
    let is_known = method.address == user.email;
    html! {
        @if is_own || is_known || frame.may(Permission::SeeAddresses) { (untrusted(&method.address)) }
        @else { span.soft { "hidden address" } }
    }
}

/// A method, and when it is used.
fn method_row(frame: &Frame<'_>, user: &User, method: &NotificationMethod, may_change: bool) -> Markup {
    html! {
        li {
            p.line { span.badge { (method.method_type.facts().label) } " " (address(frame, user, method)) }
            ul.facts {
                @for urgency in URGENCIES {
                    @let delays: Vec<String> = user
                        .reached_by(urgency)
                        .into_iter()
                        .filter(|(_, used)| used.id == method.id)
                        .map(|(seconds, _)| delay_label(seconds))
                        .collect();
                    li {
                        (urgency_label(urgency)) ": "
                        @if delays.is_empty() { "not used" } @else { strong { (delays.join(", ")) } }
                    }
                }
            }
            @if may_change { (method_forms(frame, user, method)) }
        }
    }
}

/// The rules for each urgency, in the order of the API.
fn rules(frame: &Frame<'_>, user: &User) -> Markup {
    html! {
        @for urgency in URGENCIES {
            @let rules: Vec<&NotificationRule> = user.rules.iter().filter(|rule| rule.urgency == urgency).collect();
            h3 { (urgency_label(urgency)) }
            @if rules.is_empty() { p.none { "No rules: every method is notified immediately." } } @else {
                ol.rows { @for rule in rules { li { (rule_line(frame, user, rule)) } } }
            }
        }
    }
}

/// A rule in one line.
fn rule_line(frame: &Frame<'_>, user: &User, rule: &NotificationRule) -> Markup {
    html! {
        strong { (capitalize(&delay_label(rule.delay_seconds))) } ": "
        @match rule.target {
            RuleTarget::All => { (rule.method_type.facts().label) " to every address" }
            RuleTarget::Specific(id) => {
                @match user.methods.iter().find(|method| method.id == id) {
                    Some(method) => { (rule.method_type.facts().label) " to " (address(frame, user, method)) },
                    None => { (rule.method_type.facts().label) " to a removed address" },
                }
            }
        }
    }
}
