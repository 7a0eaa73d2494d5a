//! Why an alert was routed so: what became of it then, and what each of today's routes makes of it.

use app::alert::explain::AlertDetails;
use domain::alert::Routing;
use domain::alert_route::{ConditionResult, GroupResult, MOST_ROUTES, Route, RouteDecision, Test};
use domain::template::Binding;
use maud::{Markup, html};

use crate::web::frame::Frame;
use crate::web::words::foreign;

/// How many routes are shown that had nothing to do with it.
const MOST_OTHERS: usize = 20;

/// How much of a value is shown, in bytes.
const VALUE_BYTES: usize = 200;

/// What became of it, and why.
pub(super) fn routing(frame: &Frame<'_>, told: &AlertDetails) -> Markup {
    let routes = &frame.signed_in.rules.routes;
    html! {
        section.card aria-labelledby="routing" {
            h2 #routing { "Why it was routed so" }
            p.situation { (then(told.alert.routing)) }
            @match told.verdicts(routes) {
                None => p.none { "What was sent is no longer kept, so the routes cannot be asked again." },
                Some(verdicts) => {
                    p.lead {
                        "What today's routes make of what it says now. A route that was changed since says what it would do \
                         today."
                    }
                    (today(&verdicts))
                }
            }
            @if frame.signed_in.rules.unreadable > 0 {
                p.complaint { (frame.signed_in.rules.unreadable) " routes cannot be read; what they would take pages the fallback contact." }
            }
        }
    }
}

/// What became of it then, as it is stored.
const fn then(routing: Routing) -> &'static str {
    match routing {
        Routing::Routed => "At least one route took it.",
        Routing::Unrouted => "No route took it, so nobody was paged.",
        Routing::Fallback => "No route could take it, so the fallback contact was paged.",
        Routing::Over => "It was over before it was seen, so nobody was paged.",
    }
}

/// What each route makes of it now.
fn today(verdicts: &[(&Route, RouteDecision<'_>)]) -> Markup {
    let concerned =
        |verdict: &RouteDecision<'_>| !matches!(verdict, RouteDecision::Off | RouteDecision::OtherSource);
    let others = verdicts.iter().filter(|(_, verdict)| !concerned(verdict));
    let mut taken = 0;
    html! {
        @if verdicts.is_empty() { p.none { "There is no route." } }
        ol.routes {
            @for (route, verdict) in verdicts.iter().filter(|(_, verdict)| concerned(verdict)) {
                @let counted = { taken += usize::from(verdict.takes()); taken };
                li { (one(route, verdict, counted > MOST_ROUTES)) }
            }
        }
        @if others.clone().next().is_some() {
            details {
                summary { (others.clone().count()) " other routes" }
                ul.dots {
                    @for (route, verdict) in others.take(MOST_OTHERS) {
                        li {
                            (foreign(&route.name)) ": "
                            @if *verdict == RouteDecision::Off { "it is off" } @else { "it takes no alerts of this source" }
                        }
                    }
                }
            }
        }
    }
}

/// One route that has to do with it.
fn one(route: &Route, verdict: &RouteDecision<'_>, beyond: bool) -> Markup {
    html! {
        p.line {
            @if beyond { span.badge.over { "Beyond ten" } }
            @else if verdict.takes() { span.badge.acked { "Takes it" } }
            @else { span.badge.over { "Does not" } }
            " " strong { (foreign(&route.name)) }
        }
        @match verdict {
            RouteDecision::Off | RouteDecision::OtherSource => {}
            RouteDecision::Doubt(problem) => p.soft { "In doubt it takes the alert: " (foreign(&problem.0)) },
            RouteDecision::Judged { of_source, of_all, .. } => {
                @if of_source.is_empty() && of_all.is_empty() { p.soft { "It has no conditions." } }
                (groups("For this source", of_source))
                (groups("For every alert", of_all))
            }
        }
    }
}

/// Some groups of conditions.
fn groups(says: &str, groups: &[GroupResult<'_>]) -> Markup {
    html! {
        @if !groups.is_empty() {
            p.soft { (says) @if groups.len() > 1 { ", one of these:" } @else { ":" } }
            @for group in groups {
                ul.checks { @for checked in group { li.{ @if checked.holds { "holds" } @else { "fails" } } { (condition(checked)) } } }
            }
        }
    }
}

/// A condition, and what it found.
fn condition(checked: &ConditionResult<'_>) -> Markup {
    let subject = match &checked.condition.subject {
        Binding::Literal(text) | Binding::Template(text) => html! { q { (foreign(text)) } },
        Binding::Reference(reference) => html! { code { (foreign(reference)) } },
    };
    let of = |texts: &[String]| texts.iter().map(|text| format!("“{text}”")).collect::<Vec<_>>().join(", ");
    let test = match &checked.condition.test {
        Test::OneOf(texts) => format!("is one of {}", of(texts)),
        Test::NotOneOf(texts) => format!("is none of {}", of(texts)),
        Test::Contains(part) => format!("contains “{part}”"),
        Test::DoesNotContain(part) => format!("does not contain “{part}”"),
        Test::StartsWith(start) => format!("begins with “{start}”"),
        Test::IsSet => "is there".to_owned(),
        Test::IsNotSet => "is not there".to_owned(),
    };
    html! {
        span.unseen { @if checked.holds { "Holds: " } @else { "Fails: " } }
        (subject) " " (foreign(&domain::text::shorten(&test, VALUE_BYTES)))
        span.soft {
            " — it is "
            @match &checked.found {
                Some(found) => q { (foreign(&domain::text::shorten(found, VALUE_BYTES))) },
                None => "not there",
            }
        }
    }
}
