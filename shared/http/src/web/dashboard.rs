//! The dashboard: open escalations with their Acknowledge button, and unrouted alerts.

use std::sync::Arc;

use app::alert::unrouted::{Unrouted, unrouted};
use app::escalation::history::{EscalationHistory, history as story};
use app::escalation::open::{OpenEscalations, open};
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::Timestamp;
use domain::access::Permission;
use domain::alert::Alert;
use domain::escalation::EscalationState;
use domain::id::EscalationId;
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};

use super::alerts::DELETED_SOURCE;
use super::escalation::{Linked, acknowledge_button, facts, history, situation, state_badge, title, tone};
use super::frame::{Frame, Section};
use super::list::QueryParams;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::words::{self, untrusted};
use super::{WebState, escalation, private};

/// The most escalations and the most unrouted alerts that are shown.
const SHOWN: u8 = 50;

/// The interval between reloads of the page in a browser without JavaScript, in seconds.
const RELOAD_INTERVAL: u8 = 15;

/// The route of the dashboard.
pub(super) const ROUTES: &[Route] = &[Route::get("/", Access::SignedIn, || get(show))];

async fn show(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let (store, rules) = (&web.ctx.store, &signed_in.rules);
    let me = &signed_in.actor();
    let acknowledged = match params.parsed("answered") {
        Some(id) => story(store, rules, id).await?.filter(|story| !private::hides_escalation(story, me)),
        None => None,
    };
    let (open, unrouted) =
        tokio::try_join!(open(store, rules, SHOWN.into()), unrouted(store, rules, SHOWN.into()))?;
    let is_paused = params.text("paused").is_some();
    let frame = Frame::new(&web, &signed_in, Section::Home);
    let now = frame.now;
    Ok(Dashboard { frame, open, unrouted, acknowledged, is_paused, now }.answer(&headers))
}

/// The content of the dashboard.
struct Dashboard<'a> {
    frame: Frame<'a>,
    open: OpenEscalations,
    unrouted: Unrouted,
    /// The escalation whose button was just pressed.
    acknowledged: Option<EscalationHistory>,
    /// Whether a browser without JavaScript does not reload the page.
    is_paused: bool,
    now: Timestamp,
}

/// A number of things, with a plus sign if there are more than are shown.
fn count(shown: usize, more: bool) -> String {
    if more { format!("{shown}+") } else { shown.to_string() }
}

impl Dashboard<'_> {
    fn answer(mut self, headers: &HeaderMap) -> Response {
        let open = self.open.stories.len() + self.open.unreadable.len();
        let title = match open {
            0 => "No open escalations".to_owned(),
            1 if !self.open.more => "1 open escalation".to_owned(),
            open => format!("{} open escalations", count(open, self.open.more)),
        };
        if !self.is_paused {
            let reload = format!("{RELOAD_INTERVAL}; url=/");
            // The script updates the page without reloading it.
            self.frame.head = html! { noscript { meta http-equiv="refresh" content=(reload); } };
        }
        let main = html! {
            div #now data-live {
                h1.unseen { (title) }
                (self.confirmation())
                (self.slack_problem())
                (self.counts(open))
                @if open == 0 && self.unrouted.alerts.is_empty() { (self.all_quiet()) } @else {
                    (self.escalations())
                    (self.unrouted_alerts())
                }
            }
            (self.reload_hint())
        };
        self.frame.answer(headers, &title, &main)
    }

    /// The result of the button that was just pressed, as it is stored.
    fn confirmation(&self) -> Markup {
        let acknowledged = self.acknowledged.as_ref().filter(|story| story.answer().is_some());
        html! {
            @if let Some(story) = acknowledged {
                p.flash role="status" { (escalation::end(story, self.now)) ": " (title(story)) }
            }
        }
    }

    /// The warning that Slack rejects our messages, for people who can connect Slack again.
    fn slack_problem(&self) -> Markup {
        let slack = self.frame.signed_in.rules.org.slack.as_ref();
        let slack = slack.filter(|_| self.frame.may(Permission::ConfigureOnCall));
        let Some((slack, refused)) = slack.and_then(|slack| Some((slack, slack.refused.as_ref()?))) else {
            return html! {};
        };
        html! {
            p.flash.refused role="alert" {
                "Slack rejects messages to the workspace " strong { (untrusted(&slack.name)) } ", since "
                (words::ago_and_time(refused.at, self.now)) ": " code { (refused.word) } ". "
                "Nobody receives notifications in Slack until you "
                a href="/slack/install" { "connect Slack again" } "."
            }
        }
    }

    fn counts(&self, open: usize) -> Markup {
        let expired = self.open.stories.iter();
        let expired =
            expired.filter(|story| story.escalation.head().state() == EscalationState::Expired).count();
        let unrouted = self.unrouted.alerts.len();
        let tile = |tone: &'static str, number: usize, more: bool, label: &str| {
            html! {
                div.tile.(if number == 0 { "calm" } else { tone }) {
                    dt { (label) }
                    dd { (count(number, more)) }
                }
            }
        };
        html! {
            dl.tiles {
                (tile("paging", open, self.open.more, "Open escalations"))
                (tile("expired", expired, false, "Expired, not acknowledged"))
                (tile("waiting", unrouted, self.unrouted.more, "Unrouted alerts"))
            }
        }
    }

    fn all_quiet(&self) -> Markup {
        html! {
            section.quiet {
                h2 { "Nobody is being notified" }
                p {
                    "There are no open escalations and no unrouted alerts. Something may still be wrong: look at the "
                    a href="/alerts?state=firing" { "firing alerts" } " and the "
                    a href="/incidents" { "open incidents" } "."
                }
            }
        }
    }

    fn escalations(&self) -> Markup {
        html! {
            section aria-labelledby="escalations" {
                h2.part #escalations { "Open escalations" }
                @if self.open.stories.is_empty() && self.open.unreadable.is_empty() {
                    p.none { "No open escalations." }
                }
                @for id in &self.open.unreadable {
                    article.card.expired {
                        div.about {
                            h3 { "This escalation cannot be read" }
                            ul.facts { li { code title="Escalation ID" { (id) } } }
                        }
                        (self.button(*id))
                    }
                }
                @for story in &self.open.stories { (self.card(story)) }
                @if self.open.more { p.none { "Only the newest " (SHOWN) " are shown." } }
            }
        }
    }

    fn card(&self, story: &EscalationHistory) -> Markup {
        let (escalation, me) = (&story.escalation, &self.frame.signed_in.actor());
        if private::hides_escalation(story, me) {
            return self.hidden_card(story);
        }
        let state = escalation.head().state();
        html! {
            article.card.(tone(state)) data-item {
                div.about {
                    (state_badge(state))
                    h3 {
                        a.plain href=(format!("/escalations/{}", escalation.id)) data-row { (title(story)) }
                    }
                    (facts(story, self.now, Linked::to(story, me)))
                    (situation(story, self.now))
                }
                (self.button(escalation.id))
                (history(story, self.now))
            }
        }
    }

    /// An escalation of a private incident. Its state may be seen by everybody, its title may not.
    fn hidden_card(&self, story: &EscalationHistory) -> Markup {
        let escalation = &story.escalation;
        let state = escalation.head().state();
        html! {
            article.card.(tone(state)) data-item {
                div.about {
                    (state_badge(state))
                    h3 { (private::placeholder()) }
                    ul.facts { li { (words::ago_and_time(escalation.created_at, self.now)) } }
                }
            }
        }
    }

    fn button(&self, id: EscalationId) -> Markup {
        acknowledge_button(&self.frame, id, "/")
    }

    fn unrouted_alerts(&self) -> Markup {
        let unrouted = &self.unrouted;
        html! {
            section aria-labelledby="unrouted" {
                h2.part #unrouted { "Unrouted alerts" }
                @if unrouted.alerts.is_empty() {
                    p.none { "No unrouted alerts." }
                } @else {
                    p.lead {
                        "No alert route matched these alerts, so nobody was paged. Add an alert route, or change one."
                    }
                    ul.card.rows {
                        @for (alert, source) in &unrouted.alerts {
                            (self.unrouted_alert(alert, source.as_ref().map_or(DELETED_SOURCE, |source| &source.name)))
                        }
                    }
                    @if unrouted.more { p.none { "Only the newest " (SHOWN) " are shown." } }
                }
            }
        }
    }

    fn unrouted_alert(&self, alert: &Alert, source: &str) -> Markup {
        html! {
            li data-item {
                h3 { a.plain href=(format!("/alerts/{}", alert.id)) data-row { (untrusted(&alert.title)) } }
                ul.facts {
                    li { (words::ago_and_time(alert.created_at, self.now)) }
                    li { "From " (untrusted(source)) " " code title="Alert ID" { (alert.id) } }
                }
            }
        }
    }

    /// Whether the page reloads itself, for a browser without JavaScript.
    fn reload_hint(&self) -> Markup {
        html! {
            noscript {
                p.hint.middle {
                    @if self.is_paused { "Automatic reload is paused. " a href="/" { "Resume" } }
                    @else { "This page reloads every " (RELOAD_INTERVAL) " seconds. " a href="/?paused" { "Pause" } }
                }
            }
        }
    }
}
