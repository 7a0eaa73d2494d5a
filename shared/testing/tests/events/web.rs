//! What people ask of the pages.

use domain::Identity;
use domain::alert::AlertState;
use domain::escalation::EscalationState;
use machine::Stateful;
use runtime::BoxFuture;
use testing::fixture::{Fixture, SESSION};
use testing::invoke::Invoked;

use super::api::queued_again;
use super::{EventCase, Given, Then, alert, escalation, severity};

/// A case over the alert that `alert-handle/firing` opens.
const fn case(event: &'static str, then: Then) -> EventCase {
    EventCase { event, given: Given::Alert, then }
}

pub(crate) const CASES: &[EventCase] = &[
    case("web/acknowledge", acknowledges_as_the_first),
    case("web/acknowledge-link", asks_and_changes_nothing),
    case("web/acknowledge-on-the-page", acknowledges_as_the_owner),
    case("web/add-method", adds_a_method),
    case("web/add-person", adds_a_person),
    case("web/alert", shows_the_alert),
    case("web/alerts", shows_the_alert),
    case("web/api-keys", shows_the_keys),
    case("web/ask-for-link", notes_that_somebody_asks),
    case("web/audit", shows_who_changed_what),
    case("web/cancel-escalation", cancels_as_the_owner),
    case("web/change-role", makes_an_owner),
    case("web/declare", opens_an_incident_and_pages),
    case("web/escalation", shows_the_alert),
    case("web/escalations", shows_the_alert),
    case("web/first-page", shows_what_is_open),
    case("web/incident", shows_the_incident),
    case("web/incidents", shows_the_incident),
    case("web/make-key", makes_a_key),
    case("web/people", shows_the_people),
    case("web/person", shows_the_people),
    case("web/remove-person", removes_a_person),
    case("web/note-alert", super::api::keeps_a_note),
    case("web/resolve-alert", resolves_by_hand),
    case("web/tag-alert", super::api::tags),
    EventCase { event: "web/retrigger-alert", given: Given::AlertResolved, then: fires_again },
    case("web/revoke-key", revokes_a_key),
    case("web/sign-in", lets_in),
    case("web/sign-in-link", asks_to_sign_in),
    case("web/sign-out", lets_out),
    case("web/update-incident", shares_an_update),
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

fn shows_the_alert<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(invoked.answer["body"].as_str().unwrap().contains("Disk of db-1 is 97 % full"));
    })
}

fn shows_the_incident<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        let page = invoked.answer["body"].as_str().unwrap();
        assert!(page.contains("INC-1") && page.contains("Disk of db-1 is 97 % full"));
    })
}

fn cancels_as_the_owner<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        let by = Identity::User(fixture.owner.id).to_string();
        assert_eq!(after(fixture).await, (EscalationState::Cancelled, 2, by));
    })
}

fn resolves_by_hand<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        let after = fixture.context.store.alert(fixture.org, alert()).await.unwrap().unwrap();
        assert_eq!(after.head().state(), AlertState::Resolved);
    })
}

fn fires_again<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        queued_again(fixture);
    })
}

fn opens_an_incident_and_pages<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        let store = &fixture.context.store;
        let opened = store.incident_by_number(fixture.org, 2).await.unwrap().unwrap();
        assert_eq!(opened.title, "Checkout fails");
        assert_eq!(store.attached_escalations(fixture.org, opened.id, 9).await.unwrap().len(), 1);
    })
}

fn shares_an_update<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        let store = &fixture.context.store;
        let incident = store.incident_by_number(fixture.org, 1).await.unwrap().unwrap();
        assert_eq!((incident.head().version(), incident.severity), (2, Some(severity())));
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
        assert!(invoked.answer["body"].as_str().unwrap().contains("Check your email"));
    })
}

fn shows_who_changed_what<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(invoked.answer["body"].as_str().unwrap().contains("Severity created"));
    })
}

fn shows_the_people<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(invoked.answer["body"].as_str().unwrap().contains(&fixture.first.name));
    })
}

fn adds_a_person<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        assert!(fixture.context.store.person("nora@example.com").await.unwrap().is_some());
    })
}

fn adds_a_method<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        let after = fixture.context.store.user(fixture.org, fixture.first.id).await.unwrap().unwrap();
        assert_eq!(after.methods.last().unwrap().address, "https://pages.example.com/firebell");
    })
}

fn makes_an_owner<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        let after = fixture.context.store.user(fixture.org, fixture.first.id).await.unwrap().unwrap();
        assert_eq!(after.role, domain::user::Role::Owner);
    })
}

fn removes_a_person<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        assert_eq!(fixture.context.store.user(fixture.org, fixture.first.id).await.unwrap(), None);
    })
}

fn shows_the_keys<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        assert!(invoked.answer["body"].as_str().unwrap().contains("Revoke"));
    })
}

fn makes_a_key<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 200);
        let keys = fixture.context.store.api_keys_after(fixture.org, None, 9).await.unwrap();
        assert!(keys.iter().any(|key| key.name == "Deploys"));
    })
}

fn revokes_a_key<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 303);
        assert!(fixture.context.store.api_keys_after(fixture.org, None, 9).await.unwrap().is_empty());
    })
}
