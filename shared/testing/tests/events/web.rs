//! What people ask of the pages.

use domain::Identity;
use domain::escalation::EscalationState;
use machine::Stateful;
use runtime::BoxFuture;
use testing::fixture::{Fixture, SESSION};
use testing::invoke::Invoked;

use super::{Case, Given, Then, escalation};

/// A case over the alert that `alert-handle/firing` opens.
const fn case(event: &'static str, then: Then) -> Case {
    Case { event, given: Given::Alert, then }
}

pub(crate) const CASES: &[Case] = &[
    case("web/acknowledge", acknowledges_as_the_first),
    case("web/acknowledge-link", asks_and_changes_nothing),
    case("web/acknowledge-on-the-page", acknowledges_as_the_owner),
    case("web/ask-for-link", notes_that_somebody_asks),
    case("web/audit", shows_who_changed_what),
    case("web/first-page", shows_what_is_open),
    case("web/sign-in", lets_in),
    case("web/sign-in-link", asks_to_sign_in),
    case("web/sign-out", lets_out),
];

/// The escalation's state, version and who answered it last.
async fn after(fixture: &Fixture) -> (EscalationState, u64, String) {
    let store = &fixture.context.store;
    let after = store.escalation(fixture.org, escalation()).await.unwrap().unwrap();
    let (history, _) = store.escalation_story(fixture.org, escalation()).await.unwrap();
    (after.head().state(), after.head().version(), history.last().unwrap().by.clone())
}

fn asks_and_changes_nothing<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(invoked.answer["body"].as_str().unwrap().contains("Disk of db-1 is 97 % full"));
        let (state, version, _) = after(fixture).await;
        assert_eq!((state, version), (EscalationState::Triggered, 1));
    })
}

fn acknowledges_as_the_first<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        let by = Identity::User(fixture.first.id).to_string();
        assert_eq!(after(fixture).await, (EscalationState::Acked, 2, by));
    })
}

fn acknowledges_as_the_owner<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        let by = Identity::User(fixture.owner.id).to_string();
        assert_eq!(after(fixture).await, (EscalationState::Acked, 2, by));
    })
}

fn shows_what_is_open<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        let page = invoked.answer["body"].as_str().unwrap();
        assert!(page.contains("Olive Owner") && page.contains("Disk of db-1 is 97 % full"));
    })
}

fn asks_to_sign_in<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(invoked.answer["body"].as_str().unwrap().contains("action=\"/sign-in\""));
    })
}

fn lets_in<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
    })
}

fn lets_out<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        assert_eq!(fixture.context.store.session(SESSION).await.unwrap(), None);
    })
}

fn notes_that_somebody_asks<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 202);
        assert!(invoked.answer["body"].as_str().unwrap().contains("Look into your mail"));
    })
}

fn shows_who_changed_what<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(invoked.answer["body"].as_str().unwrap().contains("severity created"));
    })
}
