//! The link in a page: looking changes nothing, its one button acknowledges.
//!
//! Scanners of mail and previews of links ask for every address with GET or HEAD, so those only look. The token is all
//! that stands for the person; no cookie is read, so another site's form gains nothing.

use std::sync::Arc;

use app::escalation::history::{self, EscalationHistory as Story};
use app::escalation::respond;
use app::link::{AcknowledgeLink, LinkError};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::escalation::EscalationState;
use domain::user::User;
use domain::{Actor, Identity};
use machine::Stateful;
use maud::{Markup, html};

use super::escalation::Linked;
use super::layout::{Top, page};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::words::foreign;
use super::{Desk, escalation};

/// The routes of links in pages.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/acknowledge/{token}", Access::Anybody, || get(show)),
    Route::post("/acknowledge/{token}", Access::Anybody, || post(acknowledge)),
];

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Forged => Self::Forged,
            LinkError::Expired | LinkError::Used => Self::Expired,
        }
    }
}

/// The token of an address; none if it is not even text.
type Token = Result<Path<String>, PathRejection>;

/// What a good link opens.
struct Opened {
    link: AcknowledgeLink,
    user: Arc<User>,
    story: Story,
}

/// Opens a link: the signature first, which costs no read.
async fn open(desk: &Desk, token: &Token) -> Result<Opened, Refusal> {
    let Ok(Path(token)) = token else { return Err(Refusal::Forged) };
    let link = AcknowledgeLink::read(&desk.ctx.seal, token, desk.ctx.now())?;
    let rules = desk.rules.of(link.org).await?;
    let user = rules.user(link.user).await.map_err(app::AppError::from)?.ok_or(Refusal::Left)?;
    let story = history::history(&desk.ctx.store, &rules, link.escalation).await?.ok_or(Refusal::Gone)?;
    Ok(Opened { link, user, story })
}

async fn show(State(desk): State<Arc<Desk>>, token: Token) -> Result<Markup, Refusal> {
    let opened = open(&desk, &token).await?;
    Ok(present(&desk, &opened))
}

async fn acknowledge(State(desk): State<Arc<Desk>>, token: Token) -> Result<Response, Refusal> {
    let Opened { link, .. } = open(&desk, &token).await?;
    let by = Actor::paged(link.org, link.user);
    respond::acknowledge(&desk.ctx.store, &by, link.escalation, desk.ctx.now()).await?;
    // Whether it counted or somebody was faster: the page says who.
    Ok(Redirect::to(&format!("/acknowledge/{}", link.token(&desk.ctx.seal))).into_response())
}

/// The page of a good link.
fn present(desk: &Desk, opened: &Opened) -> Markup {
    let (story, user, now) = (&opened.story, &opened.user, desk.ctx.now());
    let state = story.escalation.head().state();
    let top = Top { title: "Acknowledge", narrow: true, ..Top::default() };
    page(
        &top,
        &html! {
            article.card.(escalation::tone(state)) {
                div.about {
                    (escalation::badge(story))
                    h1 { (escalation::title(story)) }
                    (escalation::facts(story, now, Linked::No))
                    (escalation::description(story))
                }
                @if state.notifies() {
                    div.act {
                        (escalation::situation(story, now))
                        form method="post" {
                            button.primary type="submit" { "Acknowledge" }
                            p.hint { "as " (foreign(&user.name)) ": it stops paging, and everybody sees that you are on it." }
                        }
                    }
                } @else {
                    (outcome(opened))
                    (escalation::situation(story, now))
                }
                (escalation::timeline(story, now))
            }
        },
    )
}

/// What has become of it, for the person who looks.
fn outcome(opened: &Opened) -> Markup {
    let answer = opened.story.answer();
    let by = answer.and_then(|row| row.by.parse::<Identity>().ok());
    let mine = by.and_then(|by| by.user()) == Some(opened.link.user);
    let said = match opened.story.escalation.head().state() {
        EscalationState::Acked if mine => "You are on it.",
        EscalationState::Acked => "Somebody else is on it. There is nothing left for you to do.",
        EscalationState::Resolved | EscalationState::Cancelled => "It is over. There is nothing left to do.",
        EscalationState::Pending | EscalationState::Triggered | EscalationState::Expired => "",
    };
    html! { p.outcome-line role="status" { (said) } }
}
