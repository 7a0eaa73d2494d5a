//! Who may do what, and who has changed it.

use domain::user::Role;
use runtime::BoxFuture;
use testing::fixture::{API_KEY, Fixture};
use testing::invoke::Invoked;

use super::api::answered;
use super::{EventCase, Given, Then};

/// A case over the rules that the fixture begins with.
const fn case(event: &'static str, then: Then) -> EventCase {
    EventCase { event, given: Given::Rules, then }
}

pub(crate) const CASES: &[EventCase] = &[
    case("api-settings/create-key", makes_a_key),
    case("api-settings/list-audit", shows_who_changed_what),
    case("api-settings/list-keys", shows_the_key),
    case("api-settings/revoke-key", revokes_the_key),
    case("api-users/make-owner", makes_an_owner),
    case("api-users/remove", removes_somebody),
];

fn makes_a_key<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let token = invoked.answer["body"]["token"].as_str().unwrap();
        let holder = fixture.context.store.key_holder(&domain::api_key::hash(token)).await.unwrap().unwrap();
        let roles: Vec<_> = holder.roles.iter().map(|role| role.name()).collect();
        assert_eq!((holder.org, roles), (fixture.org, vec!["viewer", "on_call_editor"]));
    })
}

fn shows_who_changed_what<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let entries = invoked.answer["body"]["audit_logs"].as_array().unwrap();
        assert!(entries.iter().any(|entry| entry["action"] == "severity.created"), "{entries:?}");
    })
}

fn shows_the_key<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["api_keys"][0]["name"], "example");
    })
}

fn revokes_the_key<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 204);
        let hash = domain::api_key::hash(API_KEY);
        assert_eq!(fixture.context.store.key_holder(&hash).await.unwrap(), None);
    })
}

fn makes_an_owner<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let (store, first) = (&fixture.context.store, fixture.first.id);
        assert_eq!(store.user(fixture.org, first).await.unwrap().unwrap().role, Role::Owner);
        assert!(store.org(fixture.org).await.unwrap().unwrap().owners.contains(&first));
    })
}

fn removes_somebody<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 204);
        let (store, first) = (&fixture.context.store, &fixture.first);
        assert_eq!(store.user(fixture.org, first.id).await.unwrap(), None);
        assert_eq!(store.person(&first.email).await.unwrap(), None);
    })
}
