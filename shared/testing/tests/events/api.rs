//! What programs ask of the API.

use domain::alert::AlertState;
use domain::escalation::EscalationState;
use domain::message::Queue;
use domain::source::SourceState;
use machine::Stateful;
use runtime::BoxFuture;
use testing::fixture::Fixture;
use testing::invoke::Invoked;

use super::{Case, Given, Then, alert, escalation};

/// A case over the alert that `alert-handle/firing` opens.
const fn case(event: &'static str, then: Then) -> Case {
    Case { event, given: Given::Alert, then }
}

pub(crate) const CASES: &[Case] = &[
    case("api-alert-routes/create", makes_a_route),
    case("api-alert-routes/delete", removes_the_route),
    case("api-alert-routes/list", shows_one),
    case("api-alert-routes/update", changes_the_route),
    case("api-alert-sources/create", makes_a_source),
    case("api-alert-sources/delete", closes_the_source),
    case("api-alert-sources/list", shows_every_source),
    case("api-alert-sources/send-test", sends_a_test),
    case("api-alert-sources/update", disables_the_source),
    case("api-alerts/list", shows_one),
    case("api-alerts/list-by-key", shows_one),
    case("api-alerts/resolve", resolves),
    case("api-alerts/show", shows_the_alert),
    case("api-escalations/cancel", cancels),
    case("api-escalations/create", begins_an_escalation),
    case("api-escalations/create-for-people", begins_an_escalation),
    case("api-escalations/create-path", makes_a_path),
    case("api-escalations/delete-path", removes_the_path),
    case("api-escalations/list", shows_one),
    case("api-escalations/list-paths", shows_one),
    case("api-escalations/respond", acknowledges),
    case("api-escalations/show", shows_the_escalation),
    case("api-escalations/update-path", changes_the_path),
    case("api-incidents/create", opens_an_incident),
    case("api-incidents/list", shows_one),
    case("api-incidents/show", shows_the_incident),
    case("api-incidents/show-by-number", shows_the_incident),
    case("api-settings/identity", shows_the_key),
    case("api-settings/unknown-path", finds_nothing),
    case("api-users/add-method", adds_a_method),
    case("api-users/create", makes_a_person),
    case("api-users/list", shows_everybody),
    case("api-users/list-by-email", shows_one),
    case("api-users/set-rules", sets_the_rules),
];

/// Says what a request is answered.
fn answered(invoked: &Invoked, status: u16) {
    assert_eq!(invoked.answer["statusCode"], status, "{}", invoked.answer["body"]);
}

/// Says that a list shows one thing.
fn shows_one<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let body = invoked.answer["body"].as_object().unwrap();
        let lists = body.values().filter_map(|value| value.as_array());
        assert_eq!(lists.map(Vec::len).collect::<Vec<_>>(), [1], "{}", invoked.answer["body"]);
    })
}

fn makes_a_route<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let id = invoked.answer["body"]["alert_route"]["id"].as_str().unwrap().parse().unwrap();
        assert!(fixture.context.store.route(fixture.org, id).await.unwrap().is_some());
    })
}

fn changes_the_route<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let route = fixture.context.store.route(fixture.org, fixture.route).await.unwrap().unwrap();
        assert_eq!((route.version, &*route.name), (2, "Everything"));
    })
}

fn removes_the_route<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 204);
        assert!(fixture.context.store.route(fixture.org, fixture.route).await.unwrap().is_none());
    })
}

fn makes_a_source<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let made = &invoked.answer["body"]["alert_source"];
        let id = made["id"].as_str().unwrap().parse().unwrap();
        let door = fixture.context.store.door(id).await.unwrap().unwrap();
        assert!(
            door.open && made["alert_events_url"].as_str().unwrap().starts_with(testing::fixture::PUBLIC)
        );
    })
}

fn shows_every_source<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let shown = invoked.answer["body"]["alert_sources"].as_array().unwrap();
        assert_eq!(shown.len(), fixture.sources.len());
        assert!(shown.iter().all(|source| source["secret_token"] == testing::fixture::SECRET));
    })
}

fn disables_the_source<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let id = fixture.sources["http"];
        let source = fixture.context.store.source(fixture.org, id).await.unwrap().unwrap();
        assert_eq!(source.head().state(), SourceState::Disabled);
        assert!(!fixture.context.store.door(id).await.unwrap().unwrap().open);
    })
}

fn closes_the_source<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 204);
        assert!(fixture.context.store.door(fixture.sources["http"]).await.unwrap().is_none());
    })
}

fn sends_a_test<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 202);
        assert_eq!(fixture.messages(Queue::AlertHandle).unwrap().len(), 1);
    })
}

fn shows_the_alert<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["alert"]["id"], alert().to_string());
    })
}

fn resolves<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let after = fixture.context.store.alert(fixture.org, alert()).await.unwrap().unwrap();
        assert_eq!(after.head().state(), AlertState::Resolved);
    })
}

fn begins_an_escalation<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let id = invoked.answer["body"]["escalation"]["id"].as_str().unwrap().parse().unwrap();
        let (_, pages) = fixture.context.store.escalation_story(fixture.org, id).await.unwrap();
        assert_eq!(pages.len(), 1);
    })
}

fn shows_the_escalation<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["escalation"]["id"], escalation().to_string());
    })
}

/// Says that the escalation is in a state now.
async fn is(fixture: &Fixture, state: EscalationState) {
    let after = fixture.context.store.escalation(fixture.org, escalation()).await.unwrap().unwrap();
    assert_eq!(after.head().state(), state);
}

fn acknowledges<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        is(fixture, EscalationState::Acked).await;
    })
}

fn cancels<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        is(fixture, EscalationState::Cancelled).await;
    })
}

fn makes_a_path<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let id = invoked.answer["body"]["escalation_path"]["id"].as_str().unwrap().parse().unwrap();
        assert!(fixture.context.store.path(fixture.org, id, Some(1)).await.unwrap().is_some());
    })
}

fn changes_the_path<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let path = fixture.context.store.path(fixture.org, fixture.path, None).await.unwrap().unwrap();
        assert_eq!((path.version, path.levels.len()), (2, 1));
    })
}

fn removes_the_path<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 204);
        assert!(fixture.context.store.path(fixture.org, fixture.path, None).await.unwrap().is_none());
    })
}

fn opens_an_incident<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["incident"]["reference"], "INC-2");
    })
}

fn shows_the_incident<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let incident = &invoked.answer["body"]["incident"];
        assert_eq!(incident["reference"], "INC-1");
        assert!(incident["permalink"].as_str().unwrap().starts_with(testing::fixture::PUBLIC));
    })
}

fn shows_the_key<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["identity"]["name"], "example");
    })
}

fn finds_nothing<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 404);
        assert_eq!(invoked.answer["body"]["type"], "not_found");
    })
}

fn makes_a_person<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        assert!(fixture.context.store.person("linus@example.com").await.unwrap().is_some());
    })
}

fn shows_everybody<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["users"].as_array().map(Vec::len), Some(3));
    })
}

fn adds_a_method<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let user = fixture.context.store.user(fixture.org, fixture.first.id).await.unwrap().unwrap();
        assert_eq!(user.methods.len(), 2);
    })
}

fn sets_the_rules<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let user = fixture.context.store.user(fixture.org, fixture.first.id).await.unwrap().unwrap();
        assert_eq!(user.rules.iter().map(|rule| rule.delay_seconds).collect::<Vec<_>>(), [60]);
    })
}
