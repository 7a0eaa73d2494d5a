//! The first page: what is open, what nobody took, and a button.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::alert::unrouted::{Unrouted, unrouted};
use app::escalation::open::{Open, open};
use app::escalation::respond;
use app::escalation::story::{Story, story};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::Timestamp;
use domain::escalation::EscalationState;
use domain::id::EscalationId;
use http::header::REFERRER_POLICY;
use machine::Stateful;
use maud::{Markup, html};

use super::layout::{Top, page};
use super::refusal::Refusal;
use super::session::{Confirmed, SignedIn};
use super::words::{self, foreign};
use super::{Desk, escalation};

/// How much of each kind is shown.
const MOST: u8 = 50;

/// How often the page looks again, in seconds.
const REFRESH: u8 = 15;

/// The router of the first page.
pub(super) fn router() -> axum::Router<Arc<Desk>> {
    axum::Router::new().route("/", get(show)).route("/escalations/{id}/acknowledge", post(acknowledge))
}

/// What is asked for beside the page itself; whatever makes no sense is left out.
type Asked = Result<Query<BTreeMap<String, String>>, QueryRejection>;

async fn show(State(desk): State<Arc<Desk>>, signed_in: SignedIn, asked: Asked) -> Result<Response, Refusal> {
    let (store, rules) = (&desk.ctx.store, &signed_in.rules);
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let answered = match asked.get("answered").and_then(|id| id.parse().ok()) {
        Some(id) => story(store, rules, id).await?,
        None => None,
    };
    let (open, unrouted) =
        tokio::try_join!(open(store, rules, MOST.into()), unrouted(store, rules, MOST.into()))?;
    let paused = asked.contains_key("paused");
    let view =
        View { desk: &desk, signed_in: &signed_in, open, unrouted, answered, paused, now: desk.ctx.now() };
    // Our own forms must say where they come from; other sites still hear nothing.
    Ok((AppendHeaders([(REFERRER_POLICY, "same-origin")]), view.page()).into_response())
}

async fn acknowledge(
    State(desk): State<Arc<Desk>>,
    id: Result<Path<EscalationId>, PathRejection>,
    Confirmed(signed_in): Confirmed,
) -> Result<Redirect, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    respond::acknowledge(&desk.ctx.store, &signed_in.actor(), id, desk.ctx.now()).await?;
    Ok(Redirect::to(&format!("/?answered={id}")))
}

/// Everything on the page.
struct View<'a> {
    desk: &'a Desk,
    signed_in: &'a SignedIn,
    open: Open,
    unrouted: Unrouted,
    answered: Option<Story>,
    paused: bool,
    now: Timestamp,
}

/// A number of things of which only so many are shown.
fn count(shown: usize, more: bool) -> String {
    if more { format!("{shown}+") } else { shown.to_string() }
}

impl View<'_> {
    fn page(&self) -> Markup {
        let open = self.open.stories.len() + self.open.unreadable.len();
        let title = match open {
            0 => "All quiet".to_owned(),
            open => format!("{} open", count(open, self.open.more)),
        };
        let head = html! {
            @if !self.paused { meta http-equiv="refresh" content=(format!("{REFRESH}; url=/")); }
        };
        page(
            &Top { title: &title, head, bar: self.bar(), narrow: false },
            &html! {
                (self.notice())
                (self.counts(open))
                @if open == 0 && self.unrouted.alerts.is_empty() { (self.quiet()) } @else {
                    (self.escalations())
                    (self.nobodys())
                }
                (self.footer())
            },
        )
    }

    fn bar(&self) -> Markup {
        let field = self.signed_in.session.field(&self.desk.ctx.seal);
        html! {
            span.org { (foreign(&self.signed_in.rules.org.name)) }
            form.sign-out method="post" action="/sign-out" {
                (field)
                span.me { (foreign(&self.signed_in.user.name)) }
                button type="submit" { "Sign out" }
            }
        }
    }

    /// What came of the last press of a button, as it is stored.
    fn notice(&self) -> Markup {
        let Some((story, answer)) = self.answered.as_ref().and_then(|story| Some((story, story.answer()?)))
        else {
            return html! {};
        };
        html! {
            p.flash role="status" {
                (words::capital(&answer.why)) " by " strong { (foreign(story.who(&answer.by))) } ", "
                (words::time(answer.at, self.now)) ": " (escalation::title(story))
            }
        }
    }

    fn counts(&self, open: usize) -> Markup {
        let expired = self.open.stories.iter();
        let expired =
            expired.filter(|story| story.escalation.head().state() == EscalationState::Expired).count();
        let unrouted = self.unrouted.alerts.len();
        let tile = |tone: &'static str, number: usize, more: bool, said: &str| {
            html! {
                div.tile.(if number == 0 { "calm" } else { tone }) {
                    dt { (said) }
                    dd { (count(number, more)) }
                }
            }
        };
        html! {
            dl.tiles {
                (tile("paging", open, self.open.more, "open"))
                (tile("expired", expired, false, "nobody answered"))
                (tile("waiting", unrouted, self.unrouted.more, "unrouted"))
            }
        }
    }

    fn quiet(&self) -> Markup {
        html! {
            section.quiet {
                h1 { "All quiet" }
                p { "Nobody is being paged, and every alert that fires has found its route." }
            }
        }
    }

    fn escalations(&self) -> Markup {
        html! {
            section aria-labelledby="escalations" {
                h1 #escalations { "Open escalations" }
                @if self.open.stories.is_empty() && self.open.unreadable.is_empty() {
                    p.none { "Nobody is being paged." }
                }
                @for id in &self.open.unreadable {
                    article.card.expired {
                        div.about { h2 { "An escalation that cannot be read" } ul.facts { li { code { (id) } } } }
                        (self.button(*id))
                    }
                }
                @for story in &self.open.stories { (self.card(story)) }
                @if self.open.more { p.none { "Only the newest " (MOST) " are shown." } }
            }
        }
    }

    fn card(&self, story: &Story) -> Markup {
        let escalation = &story.escalation;
        html! {
            article.card.(escalation::tone(escalation.head().state())) {
                div.about {
                    (escalation::badge(story))
                    h2 { (escalation::title(story)) }
                    (escalation::facts(story, self.now))
                    (escalation::situation(story, self.now))
                }
                (self.button(escalation.id))
                (escalation::timeline(story, self.now))
            }
        }
    }

    fn button(&self, id: EscalationId) -> Markup {
        html! {
            form.act method="post" action=(format!("/escalations/{id}/acknowledge")) {
                (self.signed_in.session.field(&self.desk.ctx.seal))
                button.primary type="submit" { "Acknowledge" }
            }
        }
    }

    fn nobodys(&self) -> Markup {
        let unrouted = &self.unrouted;
        html! {
            section aria-labelledby="unrouted" {
                h1 #unrouted { "Unrouted alerts" }
                @if unrouted.alerts.is_empty() {
                    p.none { "Every alert that fires has found its route." }
                } @else {
                    p.lead { "No route took these, so nobody was paged. Add a route for them, or change one." }
                    ul.card.rows {
                        @for (alert, source) in &unrouted.alerts {
                            li {
                                h2 { (foreign(&alert.title)) }
                                ul.facts {
                                    li { (words::since(alert.created_at, self.now)) }
                                    li {
                                        "From "
                                        (foreign(source.as_ref().map_or("a source that is gone", |source| &source.name)))
                                        " " code title="the alert's id" { (alert.id) }
                                    }
                                }
                            }
                        }
                    }
                    @if unrouted.more { p.none { "Only the newest " (MOST) " are shown." } }
                }
            }
        }
    }

    fn footer(&self) -> Markup {
        html! {
            footer {
                p {
                    "As of " (self.now.strftime("%H:%M:%S UTC").to_string()) " · "
                    @if self.paused { "paused · " a href="/" { "go on" } }
                    @else { "looks again every " (REFRESH) " s · " a href="/?paused" { "pause" } }
                }
            }
        }
    }
}
