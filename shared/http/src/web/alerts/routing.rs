//! Why an alert was routed as it was: the stored result, and how each current route evaluates the alert.

use app::alert::explain::AlertDetails;
use domain::alert::Routing;
use domain::alert_route::{ConditionResult, GroupResult, MOST_ROUTES, Route, RouteDecision};
use domain::condition::Test;
use domain::template::Binding;
use maud::{Markup, html};

use crate::web::frame::Frame;
use crate::web::words::untrusted;

/// How many routes are shown that cannot apply to the alert.
const SHOWN_OTHERS: usize = 20;

/// The largest part of a value that is shown, in bytes.
const VALUE_BYTES: usize = 200;

/// The routing of an alert.
pub(super) fn routing(frame: &Frame<'_>, explained: &AlertDetails) -> Markup {
    let rules = &frame.signed_in.rules;
    html! {
        section.card aria-labelledby="routing" {
            h2 #routing { "Routing" }
            p.situation { (result(explained.alert.routing)) }
            @match explained.verdicts(&rules.routes) {
                None => p.none {
                    "The payload is no longer available, so the routes cannot be evaluated again."
                },
                Some(verdicts) => {
                    p.lead { "Evaluated against the current routes, which may have changed since." }
                    (current_routes(&verdicts))
                }
            }
            @if rules.unreadable > 0 {
                p.form-error {
                    (rules.unreadable)
                    @if rules.unreadable == 1 { " route cannot be read." } @else { " routes cannot be read." }
                    " Alerts that they could match page the fallback contact."
                }
            }
        }
    }
}

/// The result of the routing, as it is stored.
const fn result(routing: Routing) -> &'static str {
    match routing {
        Routing::Routed => "At least one route matched.",
        Routing::Unrouted => "No route matched, so nobody was paged.",
        Routing::Fallback => "No route was available for this alert, so the fallback contact was paged.",
        Routing::Over => "The alert was already resolved when Firebell received it, so nobody was paged.",
    }
}

/// How each current route evaluates the alert.
fn current_routes(verdicts: &[(&Route, RouteDecision<'_>)]) -> Markup {
    let applies =
        |verdict: &RouteDecision<'_>| !matches!(verdict, RouteDecision::Off | RouteDecision::OtherSource);
    let others = verdicts.iter().filter(|(_, verdict)| !applies(verdict));
    let other_count = others.clone().count();
    let mut matched = 0;
    html! {
        @if verdicts.is_empty() { p.none { "There are no alert routes." } }
        ol.routes {
            @for (route, verdict) in verdicts.iter().filter(|(_, verdict)| applies(verdict)) {
                @let position = { matched += usize::from(verdict.takes()); matched };
                li { (route_result(route, verdict, position > MOST_ROUTES)) }
            }
        }
        @if other_count > 0 {
            details {
                summary { (other_count) @if other_count == 1 { " other route" } @else { " other routes" } }
                ul.dots {
                    @for (route, verdict) in others.take(SHOWN_OTHERS) {
                        li {
                            (untrusted(&route.name)) ": "
                            @if *verdict == RouteDecision::Off { "disabled" } @else { "not for this alert source" }
                        }
                    }
                }
            }
        }
    }
}

/// How one route evaluates the alert. `is_beyond_limit` says that enough earlier routes have matched.
fn route_result(route: &Route, verdict: &RouteDecision<'_>, is_beyond_limit: bool) -> Markup {
    html! {
        p.line {
            @if is_beyond_limit { span.badge.over { "Over the limit" } }
            @else if verdict.takes() { span.badge.acked { "Matched" } }
            @else { span.badge.over { "Not matched" } }
            " " strong { (untrusted(&route.name)) }
        }
        @if is_beyond_limit { p.soft { "At most " (MOST_ROUTES) " routes can match an alert." } }
        @match verdict {
            RouteDecision::Off | RouteDecision::OtherSource => {}
            RouteDecision::Doubt(problem) => p.soft {
                "A condition cannot be evaluated, so the route matches: " (untrusted(&problem.0))
            },
            RouteDecision::Judged { of_source, of_all, .. } => {
                @if of_source.is_empty() && of_all.is_empty() { p.soft { "This route has no conditions." } }
                (groups("Conditions for this alert source", of_source))
                (groups("Conditions for all alerts", of_all))
            }
        }
    }
}

/// Groups of conditions. One group has to hold.
fn groups(label: &str, groups: &[GroupResult<'_>]) -> Markup {
    html! {
        @if !groups.is_empty() {
            p.soft { (label) @if groups.len() > 1 { " (one group has to match):" } @else { ":" } }
            @for group in groups {
                ul.checks {
                    @for checked in group {
                        li.(if checked.holds { "holds" } else { "fails" }) { (condition(checked)) }
                    }
                }
            }
        }
    }
}

/// A condition, and the value that it found.
fn condition(checked: &ConditionResult<'_>) -> Markup {
    let subject = match &checked.condition.subject {
        Binding::Literal(text) | Binding::Template(text) => html! { q { (untrusted(text)) } },
        Binding::Reference(reference) => html! { code { (untrusted(reference)) } },
    };
    let list = |texts: &[String]| texts.iter().map(|text| format!("“{text}”")).collect::<Vec<_>>().join(", ");
    let test = match &checked.condition.test {
        Test::OneOf(texts) => format!("is one of {}", list(texts)),
        Test::NotOneOf(texts) => format!("is not one of {}", list(texts)),
        Test::Contains(part) => format!("contains “{part}”"),
        Test::DoesNotContain(part) => format!("does not contain “{part}”"),
        Test::StartsWith(start) => format!("starts with “{start}”"),
        Test::IsSet => "is set".to_owned(),
        Test::IsNotSet => "is not set".to_owned(),
    };
    html! {
        span.unseen { @if checked.holds { "Matched: " } @else { "Not matched: " } }
        (subject) " " (untrusted(&domain::text::shorten(&test, VALUE_BYTES)))
        span.soft {
            " — value: "
            @if checked.found.is_empty() { "not set" }
            @else { q { (untrusted(&domain::text::shorten(&checked.found.join(", "), VALUE_BYTES))) } }
        }
    }
}
