//! The first page: what is open, what nobody took, and a button.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::alert::unrouted::{Unrouted, unrouted};
use app::escalation::history::{EscalationHistory as Story, history as story};
use app::escalation::open::{OpenEscalations as Open, open};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use domain::Timestamp;
use domain::access::Permission;
use domain::escalation::EscalationState;
use domain::id::EscalationId;
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};

use super::escalation::Linked;
use super::frame::{Frame, Section};
use super::private;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::words::{self, foreign};
use super::{Desk, escalation};

/// How much of each kind is shown.
const MOST: u8 = 50;

/// How often the page looks again, in seconds.
const REFRESH: u8 = 15;

/// The routes of the first page.
pub(super) const ROUTES: &[Route] = &[Route::get("/", Access::SignedIn, || get(show))];

/// What is asked for beside the page itself; whatever makes no sense is left out.
type Asked = Result<Query<BTreeMap<String, String>>, QueryRejection>;

async fn show(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (store, rules) = (&desk.ctx.store, &signed_in.rules);
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let me = &signed_in.actor();
    let answered = match asked.get("answered").and_then(|id| id.parse().ok()) {
        Some(id) => story(store, rules, id).await?.filter(|story| !private::hides_escalation(story, me)),
        None => None,
    };
    let (open, unrouted) =
        tokio::try_join!(open(store, rules, MOST.into()), unrouted(store, rules, MOST.into()))?;
    let paused = asked.contains_key("paused");
    let frame = Frame::new(&desk, &signed_in, Section::Home);
    let now = frame.now;
    Ok(View { frame, open, unrouted, answered, paused, now }.answer(&headers))
}

/// Everything on the page.
struct View<'a> {
    frame: Frame<'a>,
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
    fn answer(mut self, headers: &HeaderMap) -> Response {
        let open = self.open.stories.len() + self.open.unreadable.len();
        let title = match open {
            0 => "All quiet".to_owned(),
            open => format!("{} open", count(open, self.open.more)),
        };
        if !self.paused {
            // With the script it looks again without being loaded anew.
            self.frame.head =
                html! { noscript { meta http-equiv="refresh" content=(format!("{REFRESH}; url=/")); } };
        }
        let main = html! {
            div #now data-live {
                h1.unseen { (title) }
                (self.notice())
                (self.refused())
                (self.counts(open))
                @if open == 0 && self.unrouted.alerts.is_empty() { (self.quiet()) } @else {
                    (self.escalations())
                    (self.nobodys())
                }
            }
            (self.pause())
        };
        self.frame.answer(headers, &title, &main)
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

    /// That Slack refuses what it is told, for whoever can connect it anew.
    fn refused(&self) -> Markup {
        let slack = self.frame.signed_in.rules.org.slack.as_ref();
        let slack = slack.filter(|_| self.frame.may(Permission::ConfigureOnCall));
        let Some((slack, refused)) = slack.and_then(|slack| Some((slack, slack.refused.as_ref()?))) else {
            return html! {};
        };
        html! {
            p.flash.refused role="alert" {
                "Slack refuses what Firebell says in " strong { (foreign(&slack.name)) } ", "
                (words::since(refused.at, self.now)) ": " code { (refused.word) } ". "
                "Nobody is told anything there until somebody " a href="/slack/install" { "connects it anew" } "."
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
                h2 { "All quiet" }
                p { "Nobody is being paged, and every alert that fires has found its route." }
            }
        }
    }

    fn escalations(&self) -> Markup {
        html! {
            section aria-labelledby="escalations" {
                h2.part #escalations { "Open escalations" }
                @if self.open.stories.is_empty() && self.open.unreadable.is_empty() {
                    p.none { "Nobody is being paged." }
                }
                @for id in &self.open.unreadable {
                    article.card.expired {
                        div.about { h3 { "An escalation that cannot be read" } ul.facts { li { code { (id) } } } }
                        (self.button(*id))
                    }
                }
                @for story in &self.open.stories { (self.card(story)) }
                @if self.open.more { p.none { "Only the newest " (MOST) " are shown." } }
            }
        }
    }

    fn card(&self, story: &Story) -> Markup {
        let (escalation, me) = (&story.escalation, &self.frame.signed_in.actor());
        if private::hides_escalation(story, me) {
            return self.hidden_card(story);
        }
        html! {
            article.card.(escalation::tone(escalation.head().state())) data-item {
                div.about {
                    (escalation::badge(story))
                    h3 {
                        a.plain href=(format!("/escalations/{}", escalation.id)) data-row { (escalation::title(story)) }
                    }
                    (escalation::facts(story, self.now, Linked::to(story, me)))
                    (escalation::situation(story, self.now))
                }
                (self.button(escalation.id))
                (escalation::timeline(story, self.now))
            }
        }
    }

    /// An escalation of a private incident: that somebody is paged is no secret, what for is one.
    fn hidden_card(&self, story: &Story) -> Markup {
        let escalation = &story.escalation;
        html! {
            article.card.(escalation::tone(escalation.head().state())) data-item {
                div.about {
                    (escalation::badge(story))
                    h3 { (private::instead()) }
                    ul.facts { li { (words::since(escalation.created_at, self.now)) } }
                }
            }
        }
    }

    fn button(&self, id: EscalationId) -> Markup {
        escalation::acknowledge(&self.frame, id, "/")
    }

    fn nobodys(&self) -> Markup {
        let unrouted = &self.unrouted;
        html! {
            section aria-labelledby="unrouted" {
                h2.part #unrouted { "Unrouted alerts" }
                @if unrouted.alerts.is_empty() {
                    p.none { "Every alert that fires has found its route." }
                } @else {
                    p.lead { "No route took these, so nobody was paged. Add a route for them, or change one." }
                    ul.card.rows {
                        @for (alert, source) in &unrouted.alerts {
                            li data-item {
                                h3 {
                                    a.plain href=(format!("/alerts/{}", alert.id)) data-row { (foreign(&alert.title)) }
                                }
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

    /// Without the script: whether it looks again.
    fn pause(&self) -> Markup {
        html! {
            noscript {
                p.hint.middle {
                    @if self.paused { "Paused · " a href="/" { "go on" } }
                    @else { "Looks again every " (REFRESH) " s · " a href="/?paused" { "pause" } }
                }
            }
        }
    }
}
