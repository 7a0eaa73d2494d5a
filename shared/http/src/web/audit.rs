//! The audit log: who changed what and when, newest first.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::access::Permission;
use domain::audit::{AuditChange, AuditEntry};
use domain::id::AuditId;
use domain::{Identity, Timestamp};
use http::HeaderMap;
use maud::{Markup, html};

use super::WebState;
use super::frame::{Frame, Section};
use super::list::QueryParams;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::settings::{PAGE_SIZE, SettingsList, SettingsPage};
use super::words::{capitalize, time, untrusted};

/// The page among the settings.
pub(super) const PAGE: SettingsPage =
    SettingsPage { path: "/audit", title: "Audit log", permission: Permission::SeeAudit };

/// The route of the audit log.
pub(super) const ROUTES: &[Route] =
    &[Route::get("/audit", Access::Needs(Permission::SeeAudit), || get(show))];

async fn show(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    signed_in.actor().may(Permission::SeeAudit).map_err(app::AppError::from)?;
    let before: Option<AuditId> = params.parsed("after");
    let (ctx, org) = (&web.ctx, signed_in.session.org);
    let log = ctx.store.audit_log(org, before, PAGE_SIZE, ctx.now()).await.map_err(app::AppError::from)?;
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for entry in &log.entries {
        if let MapEntry::Vacant(vacant) = names.entry(entry.by.to_string()) {
            vacant.insert(actor_name(&web, &signed_in, &entry.by).await?);
        }
    }
    let frame = Frame::new(&web, &signed_in, Section::Settings);
    let list = html! {
        div #list data-live {
            @if log.entries.is_empty() { p.empty { "No entries yet." } } @else {
                ul.card.rows {
                    @for entry in &log.entries { (row(entry, &names, frame.now)) }
                }
            }
        }
    };
    let list = SettingsList {
        page: &PAGE,
        done: html! {},
        answers_form: false,
        error: None,
        intro: html! { p.lead { "Who changed what, newest first." } },
        list,
        next: log.after.map(|after| (after.to_string(), "Older")),
        form: html! {},
    };
    Ok(list.answer(frame, &headers))
}

/// The name of the person, the API key or the part of Firebell that did something.
pub(super) async fn actor_name(
    web: &WebState,
    signed_in: &SignedIn,
    by: &Identity,
) -> Result<String, Refusal> {
    let failed = app::AppError::from;
    Ok(match by {
        Identity::System(part) => format!("Firebell ({part})"),
        Identity::User(id) => {
            let user = signed_in.rules.user(*id).await.map_err(failed)?;
            user.map_or_else(|| "a removed person".to_owned(), |user| user.name.clone())
        }
        Identity::ApiKey(id) => {
            let key = web.ctx.store.api_key(signed_in.session.org, *id).await.map_err(failed)?;
            key.map_or_else(|| "a revoked API key".to_owned(), |key| format!("API key “{}”", key.name))
        }
    })
}

/// The action of an entry in words. Actions are stored as `concept.verb`, for example `alert_source.created`.
fn action_text(action: &str) -> String {
    let words = action.replace(['.', '_'], " ");
    let words = words.strip_prefix("api ").map_or_else(|| words.clone(), |rest| format!("API {rest}"));
    capitalize(&words)
}

/// An entry.
fn row(entry: &AuditEntry, names: &BTreeMap<String, String>, now: Timestamp) -> Markup {
    let who = names.get(&entry.by.to_string()).map_or("", String::as_str);
    let (with_values, without_values): (Vec<_>, Vec<_>) =
        entry.changes.iter().partition(|change| change.before.is_some() || change.after.is_some());
    // Secrets and large values are not recorded; only the names of such fields are.
    let without_values: Vec<String> = without_values.into_iter().map(field_text).collect();
    html! {
        li {
            h2 { (untrusted(&entry.target.name)) }
            ul.facts {
                li { (time(entry.at, now)) }
                li { strong { (action_text(&entry.action)) } " by " (untrusted(who)) }
                @for change in with_values { li { (change_text(change)) } }
                @if !without_values.is_empty() { li { "Fields: " (untrusted(&without_values.join(", "))) } }
                li { code title="ID" { (entry.target.id) } }
            }
        }
    }
}

/// The name of a changed field in words.
fn field_text(change: &AuditChange) -> String {
    match &*change.field {
        "kind" => "source type".to_owned(),
        field => field.replace('_', " "),
    }
}

/// A changed field with its values.
fn change_text(change: &AuditChange) -> Markup {
    let field = capitalize(&field_text(change));
    html! {
        (untrusted(&field)) ": "
        @match (&change.before, &change.after) {
            (Some(before), Some(after)) => { (untrusted(before)) " → " (untrusted(after)) }
            (None, after) => (untrusted(after.as_deref().unwrap_or_default())),
            (Some(before), None) => { (untrusted(before)) " → not set" }
        }
    }
}
