//! The audit log: who changed what, the newest first.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use domain::access::Permission;
use domain::audit::{AuditChange, AuditEntry};
use domain::id::AuditId;
use domain::{Identity, Timestamp};
use http::HeaderMap;
use maud::{Markup, html};

use super::Desk;
use super::frame::{Frame, Section};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::settings::{Part, head, onward};
use super::words::{foreign, time};

/// How many entries a page shows.
const MOST: usize = 50;

/// The routes of the audit log.
pub(super) const ROUTES: &[Route] =
    &[Route::get("/audit", Access::Needs(Permission::SeeAudit), || get(show))];

async fn show(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    asked: Result<Query<BTreeMap<String, String>>, QueryRejection>,
) -> Result<Response, Refusal> {
    signed_in.actor().may(Permission::SeeAudit).map_err(app::AppError::from)?;
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let before: Option<AuditId> = asked.get("after").and_then(|after| after.parse().ok());
    let (ctx, org) = (&desk.ctx, signed_in.session.org);
    let log = ctx.store.audit_log(org, before, MOST, ctx.now()).await.map_err(app::AppError::from)?;
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for entry in &log.entries {
        if let Slot::Vacant(slot) = names.entry(entry.by.to_string()) {
            slot.insert(name(&desk, &signed_in, &entry.by).await?);
        }
    }
    let frame = Frame::new(&desk, &signed_in, Section::Settings);
    let main = html! {
        (head(&frame, Part::Audit))
        p.lead { "Who changed what, the newest first." }
        div #list data-live {
            @if log.entries.is_empty() { p.empty { "There is nothing here." } } @else {
                ul.card.rows {
                    @for entry in &log.entries { (row(entry, &names, frame.now)) }
                }
            }
            (onward("/audit", log.after, "Older"))
        }
    };
    Ok(frame.answer(&headers, "Audit log", &main))
}

/// Who it was, by a name that people know.
pub(super) async fn name(desk: &Desk, signed_in: &SignedIn, by: &Identity) -> Result<String, Refusal> {
    let failed = app::AppError::from;
    Ok(match by {
        Identity::System(part) => format!("Firebell ({part})"),
        Identity::User(id) => {
            let user = signed_in.rules.user(*id).await.map_err(failed)?;
            user.map_or_else(|| "Somebody who has left".to_owned(), |user| user.name.clone())
        }
        Identity::ApiKey(id) => {
            let key = desk.ctx.store.api_key(signed_in.session.org, *id).await.map_err(failed)?;
            key.map_or_else(|| "An API key that is gone".to_owned(), |key| format!("API key “{}”", key.name))
        }
    })
}

/// One entry.
fn row(entry: &AuditEntry, names: &BTreeMap<String, String>, now: Timestamp) -> Markup {
    let who = names.get(&entry.by.to_string()).map_or("", String::as_str);
    let action = entry.action.replace(['.', '_'], " ");
    html! {
        li {
            h2 { (foreign(&entry.target.name)) }
            ul.facts {
                li { (time(entry.at, now)) }
                li { strong { (action) } " by " (foreign(who)) }
                @for change in &entry.changes { li { (changed(change)) } }
                li { code title="the id of what was changed" { (entry.target.id) } }
            }
        }
    }
}

/// A field that is not what it was.
fn changed(change: &AuditChange) -> Markup {
    html! {
        (foreign(&change.field))
        @match (&change.before, &change.after) {
            (Some(before), Some(after)) => { ": " (foreign(before)) " → " (foreign(after)) }
            (None, Some(after)) => { ": " (foreign(after)) }
            (Some(before), None) => { ": " (foreign(before)) " → nothing" }
            (None, None) => {}
        }
    }
}
