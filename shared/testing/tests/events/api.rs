//! What programs ask of the API.

use app::user::methods::open_secret;
use app::worker::AlertRequest;
use domain::alert::{AlertState, Attribute};
use domain::escalation::EscalationState;
use domain::incident::{IncidentRole, Severity, Status};
use domain::message::{Envelope, Queue};
use domain::source::SourceState;
use machine::Stateful;
use runtime::BoxFuture;
use secrecy::ExposeSecret;
use testing::fixture::Fixture;
use testing::invoke::Invoked;

use super::{EventCase, Given, Then, alert, escalation, received, severity};

/// A case over the alert that `alert-handle/firing` opens.
const fn case(event: &'static str, then: Then) -> EventCase {
    EventCase { event, given: Given::Alert, then }
}

pub(crate) const CASES: &[EventCase] = &[
    case("api-alert-routes/create", makes_a_route),
    case("api-alert-routes/delete", removes_the_route),
    case("api-alert-routes/list", shows_one),
    case("api-alert-routes/update", changes_the_route),
    case("api-alert-sources/create", makes_a_source),
    case("api-alert-sources/create-front", makes_a_source_found_by_its_secret),
    case("api-alert-sources/delete", closes_the_source),
    case("api-alert-sources/list", shows_every_source),
    case("api-alert-sources/preview", previews_the_alert),
    case("api-alert-sources/preview-payload", shows_one),
    case("api-alert-sources/send-test", sends_a_test),
    case("api-alert-sources/update", disables_the_source),
    case("api-alerts/incident-alerts", shows_the_relation),
    case("api-alerts/list", shows_one),
    case("api-alerts/list-by-key", shows_one),
    case("api-alerts/note", keeps_a_note),
    case("api-alerts/notes", shows_no_notes),
    case("api-alerts/relate", relates),
    case("api-alerts/resolve", resolves),
    EventCase { event: "api-alerts/resolve-grouped", given: Given::AlertGrouped, then: resolves },
    EventCase { event: "api-alerts/retrigger", given: Given::AlertResolved, then: fires_again },
    case("api-alerts/set-tags", tags),
    case("api-alerts/show", shows_the_alert),
    case("api-alerts/unrelate", unrelates),
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
    case("api-incidents/edit", edits_the_incident),
    case("api-incidents/list", shows_one),
    case("api-incidents/list-all-updates", shows_no_update),
    case("api-incidents/list-updates", shows_no_update),
    case("api-incidents/show", shows_the_incident),
    case("api-incidents/show-by-number", shows_the_incident),
    case("api-incidents/update", shares_an_update),
    case("api-settings/create-attribute", makes_an_attribute),
    case("api-settings/create-role", makes_a_role),
    case("api-settings/create-severity", makes_a_severity),
    case("api-settings/create-status", makes_a_status),
    case("api-settings/delete-severity", removes_the_severity),
    case("api-settings/identity", shows_the_key),
    case("api-settings/list-roles", shows_what_is_built_in),
    case("api-settings/list-severities", shows_what_is_built_in),
    case("api-settings/list-statuses", shows_what_is_built_in),
    case("api-settings/list-timestamps", shows_what_is_built_in),
    case("api-settings/list-types", shows_one),
    case("api-settings/show-severity", shows_the_severity),
    case("api-settings/unknown-path", finds_nothing),
    case("api-settings/update-severity", changes_the_severity),
    case("api-users/add-method", adds_a_method),
    case("api-users/add-webhook", adds_a_webhook),
    case("api-users/create", makes_a_person),
    case("api-users/list", shows_everybody),
    case("api-users/list-by-email", shows_one),
    case("api-users/set-rules", sets_the_rules),
];

/// Says what a request is answered.
pub(crate) fn answered(invoked: &Invoked, status: u16) {
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

fn makes_a_source_found_by_its_secret<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let made = &invoked.answer["body"]["alert_source"];
        let kind = made["source_type"].as_str().unwrap();
        let hash = sources::secret_hash(kind, made["secret_token"].as_str().unwrap().as_bytes());
        let door = fixture.context.store.door_of_key(&hash).await.unwrap().unwrap();
        assert_eq!(door.id.to_string(), made["id"]);
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

fn previews_the_alert<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let previewed = &invoked.answer["body"]["alerts"][0];
        assert_eq!(previewed["alert_id"], alert().to_string());
        assert!(previewed["title"].as_str().unwrap().ends_with('!'), "{previewed}");
        assert_eq!(previewed["escalations"][0]["levels"][0]["users"][0]["name"], "Ada Oncall");
    })
}

fn shows_the_alert<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["alert"]["id"], alert().to_string());
    })
}

fn fires_again<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 202);
        assert_ne!(invoked.answer["body"]["alert_id"], alert().to_string());
        queued_again(fixture);
    })
}

/// Says that an alert fires again, in the name of whoever asked.
pub(crate) fn queued_again(fixture: &Fixture) {
    let queued = fixture.messages(Queue::AlertHandle).unwrap();
    let [message] = &queued[..] else { panic!("one event, not {}", queued.len()) };
    let envelope: Envelope<AlertRequest> = serde_json::from_str(&message.body).unwrap();
    let AlertRequest::Event(again) = envelope.body else { panic!("no event") };
    assert_eq!(again.event.payload.get(), received().event.payload.get());
    assert!(again.asked_by.is_some(), "nobody asked for it");
}

fn shows_the_relation<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["incident_alerts"][0]["alert"]["id"], alert().to_string());
    })
}

fn relates<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        assert_eq!(invoked.answer["body"]["incident_alert"]["incident"]["reference"], "INC-1");
    })
}

fn unrelates<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let after = fixture.context.store.alert(fixture.org, alert()).await.unwrap().unwrap();
        assert_eq!(after.incident, None);
    })
}

fn shows_no_notes<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["alert_notes"], serde_json::json!([]));
    })
}

pub(crate) fn keeps_a_note<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert!([201, 303].contains(&invoked.answer["statusCode"].as_u64().unwrap()), "{}", invoked.answer);
        let notes = fixture.context.store.notes(fixture.org, alert(), 10).await.unwrap();
        assert_eq!(notes.iter().map(|note| &*note.text).collect::<Vec<_>>(), ["It is the old backup again."]);
    })
}

pub(crate) fn tags<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert!([200, 303].contains(&invoked.answer["statusCode"].as_u64().unwrap()), "{}", invoked.answer);
        let after = fixture.context.store.alert(fixture.org, alert()).await.unwrap().unwrap();
        assert_eq!(after.tags, ["known issue", "database"]);
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

fn edits_the_incident<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let id = invoked.answer["body"]["incident"]["id"].as_str().unwrap().parse().unwrap();
        let after = fixture.context.store.incident(fixture.org, id).await.unwrap().unwrap();
        assert_eq!((&*after.title, after.severity), ("Disk of db-1 was full", Some(severity())));
    })
}

fn shares_an_update<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let shared = &invoked.answer["body"]["incident_update"];
        let id = shared["incident_id"].as_str().unwrap().parse().unwrap();
        let kept = fixture.context.store.incident_step(fixture.org, id, 2).await.unwrap().unwrap();
        assert_eq!(kept.note.unwrap().message.as_deref(), Some("We know why"));
    })
}

fn shows_no_update<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["incident_updates"], serde_json::json!([]));
    })
}

/// Says that a list shows several things.
fn shows_what_is_built_in<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let body = invoked.answer["body"].as_object().unwrap();
        assert!(body.values().all(|list| list.as_array().unwrap().len() > 1), "{body:?}");
    })
}

/// The severities' names.
async fn severities(fixture: &Fixture) -> Vec<String> {
    let all = fixture.context.store.choices::<Severity>(fixture.org).await.unwrap();
    all.into_iter().map(|choice| choice.what.name).collect()
}

fn makes_a_severity<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        assert_eq!(severities(fixture).await.last().unwrap(), "Catastrophic");
    })
}

fn shows_the_severity<'a>(_: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(invoked.answer["body"]["severity"]["name"], "Annoying");
    })
}

fn changes_the_severity<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        assert_eq!(severities(fixture).await[0], "Cosmetic");
    })
}

fn removes_the_severity<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 202);
        assert!(!severities(fixture).await.contains(&"Annoying".to_owned()));
    })
}

fn makes_a_status<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let all = fixture.context.store.choices::<Status>(fixture.org).await.unwrap();
        assert!(all.iter().any(|choice| choice.what.name == "Monitoring"));
    })
}

fn makes_an_attribute<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let all = fixture.context.store.choices::<Attribute>(fixture.org).await.unwrap();
        assert!(all.iter().any(|choice| choice.what.name == "Service"));
    })
}

fn makes_a_role<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let all = fixture.context.store.choices::<IncidentRole>(fixture.org).await.unwrap();
        assert!(all.iter().any(|choice| choice.what.name == "Scribe"));
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

fn adds_a_webhook<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 201);
        let user = fixture.context.store.user(fixture.org, fixture.first.id).await.unwrap().unwrap();
        let (method, shown) = (&user.methods[1], &invoked.answer["body"]["notification_method"]);
        let sealed = method.secret.as_ref().unwrap();
        let opened = open_secret(&fixture.context.seal, user.id, &method.address, sealed);
        let opened =
            opened.expect("whoever sends opens what this function sealed: it has the installation's key");
        assert_eq!(opened.expose_secret(), shown["secret"].as_str().unwrap());
    })
}

fn sets_the_rules<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        answered(invoked, 200);
        let user = fixture.context.store.user(fixture.org, fixture.first.id).await.unwrap().unwrap();
        assert_eq!(user.rules.iter().map(|rule| rule.delay_seconds).collect::<Vec<_>>(), [60]);
    })
}
