//! The acknowledge link in a notification. Its page has one button, which acknowledges the escalation.
//!
//! Email scanners and link previews request every address with GET or HEAD, so these change nothing. The token alone
//! identifies the person. No cookie is read, so a form on another site cannot acknowledge anything.

use std::sync::Arc;

use app::escalation::history::{self, EscalationHistory};
use app::escalation::respond;
use app::link::{AcknowledgeLink, LinkError};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::user::User;
use domain::{Actor, Identity};
use machine::Stateful;
use maud::{Markup, html};

use super::escalation::Linked;
use super::layout::{Layout, page};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::words::untrusted;
use super::{WebState, escalation};

/// The routes of acknowledge links.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/acknowledge/{token}", Access::Anybody, || get(show)),
    Route::post("/acknowledge/{token}", Access::Anybody, || post(acknowledge)),
];

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Forged => Self::InvalidLink,
            LinkError::Expired | LinkError::Used => Self::ExpiredLink,
        }
    }
}

/// The token in the path. An error if it is not valid UTF-8.
type Token = Result<Path<String>, PathRejection>;

/// The link, its person and its escalation.
struct OpenedLink {
    link: AcknowledgeLink,
    user: Arc<User>,
    story: EscalationHistory,
}

/// Opens a link. The signature is verified first, before the store is read.
async fn open(web: &WebState, token: &Token) -> Result<OpenedLink, Refusal> {
    let Ok(Path(token)) = token else { return Err(Refusal::InvalidLink) };
    let link = AcknowledgeLink::read(&web.ctx.seal, token, web.ctx.now())?;
    let rules = web.rules.of(link.org).await?;
    let user = rules.user(link.user).await.map_err(app::AppError::from)?.ok_or(Refusal::RemovedPerson)?;
    let story = history::history(&web.ctx.store, &rules, link.escalation).await?.ok_or(Refusal::NotFound)?;
    Ok(OpenedLink { link, user, story })
}

async fn show(State(web): State<Arc<WebState>>, token: Token) -> Result<Markup, Refusal> {
    let opened = open(&web, &token).await?;
    Ok(present(&web, &opened))
}

async fn acknowledge(State(web): State<Arc<WebState>>, token: Token) -> Result<Response, Refusal> {
    let OpenedLink { link, .. } = open(&web, &token).await?;
    let by = Actor::paged(link.org, link.user);
    respond::acknowledge(&web.ctx.store, &by, link.escalation, web.ctx.now()).await?;
    // If somebody else was faster, the page shows who.
    Ok(Redirect::to(&format!("/acknowledge/{}", link.token(&web.ctx.seal))).into_response())
}

/// The page of a valid link.
fn present(web: &WebState, opened: &OpenedLink) -> Markup {
    let (story, user, now) = (&opened.story, &opened.user, web.ctx.now());
    let state = story.escalation.head().state();
    let layout = Layout { title: "Acknowledge", narrow: true, ..Layout::default() };
    page(
        &layout,
        &html! {
            article.card.(escalation::tone(state)) {
                div.about {
                    (escalation::state_badge(state))
                    h1 { (escalation::title(story)) }
                    (escalation::facts(story, now, Linked::No))
                    (escalation::description(story))
                }
                @if state.notifies() {
                    div.act {
                        (escalation::situation(story, now))
                        form method="post" {
                            button.primary type="submit" { "Acknowledge" }
                            p.hint {
                                "You acknowledge as " (untrusted(&user.name)) ". Notifications stop, and everybody sees that you \
                                 are responding."
                            }
                        }
                    }
                } @else {
                    (outcome(opened))
                    (escalation::situation(story, now))
                }
                p.label { "History" }
                (escalation::history(story, now))
            }
        },
    )
}

/// The state of the escalation, for the person who opened the link.
fn outcome(opened: &OpenedLink) -> Markup {
    let ended = opened.story.answer();
    let by = ended.and_then(|row| row.by.parse::<Identity>().ok());
    let mine = by.and_then(|by| by.user()) == Some(opened.link.user);
    let text = escalation::outcome(opened.story.escalation.head().state(), mine);
    html! { p.outcome-line role="status" { (text) } }
}
