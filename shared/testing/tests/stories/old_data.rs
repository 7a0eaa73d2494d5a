//! A data directory of an older version, killed in the middle of its work: today's code reads it and goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::alert::expiry::Expiry;
use domain::alert::key::KeyRow;
use domain::alert::note::Note;
use domain::alert::{Alert, AlertState, Body};
use domain::alert_route::Route;
use domain::api_key::{ApiKey, KeyHolder};
use domain::audit::AuditEntry;
use domain::escalation::{Escalation, EscalationState};
use domain::escalation_path::Path;
use domain::incident::Incident;
use domain::message::Queue;
use domain::notification::Notification;
use domain::org::Org;
use domain::session::Session;
use domain::sign_in::SignIn;
use domain::slack::Step;
use domain::source::backfill::{Backfill, BackfillState};
use domain::source::heartbeat::Heartbeat;
use domain::source::{FilteredCount, Source, SourceCredentials};
use domain::user::User;
use http::Request;
use local::{CheckpointedReader, DirectInvoker, Runner, queues};
use machine::Stateful;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::{History, UpdateRow};
use testing::bundle::Bundle;
use testing::old_data::OldData;
use testing::sender::shown;

use crate::stage::{ledger, tell};

/// Reads an item as its type.
#[track_caller]
fn reads<T: DeserializeOwned>(key: &str, item: &Value) -> T {
    let image: serde_dynamo::Item = serde_json::from_value(item.clone()).unwrap();
    serde_dynamo::from_item(image).unwrap_or_else(|error| panic!("{key} is not read: {error}: {item}"))
}

/// Reads an item whose type is the store's own: it has these attributes.
#[track_caller]
fn has(key: &str, item: &Value, attributes: &[&str]) {
    for attribute in attributes {
        assert!(!item[attribute].is_null(), "{key} has no {attribute}: {item}");
    }
}

/// Reads an item as the type that its key says, and says which kind it is of.
fn decoded(item: &Value) -> &'static str {
    let (pk, sk) = (item["pk"]["S"].as_str().unwrap(), item["sk"]["S"].as_str().unwrap());
    let key = format!("{pk} {sk}");
    let mut parts = pk.split('#');
    let (first, second) = (parts.next().unwrap(), parts.next().unwrap());
    let kind = if first == "LOOKUP" { format!("LOOKUP {second}") } else { second.to_owned() };
    let (begin, number) = sk.split_once('#').unwrap_or((sk, ""));
    macro_rules! read {
        ($type:ty, $name:literal) => {{
            let _: $type = reads(&key, item);
            $name
        }};
    }
    match (kind.as_str(), begin) {
        ("ALERT", "HEAD") => read!(Alert, "alert"),
        ("ALERT", "BODY") => read!(Body, "body of an alert"),
        ("ALERT", "LAPSE") => read!(Expiry, "expiry"),
        ("ALERT", "NOTE") => read!(Note, "note"),
        ("ALERT", "RAW") => {
            has(&key, item, &["zstd", "cut", "ttl"]);
            "raw slice"
        }
        ("AUDIT", _) => read!(AuditEntry, "audit entry"),
        ("CONFIG", "APIKEY") => read!(ApiKey, "API key"),
        ("CONFIG", "ATTRIBUTE") => read!(domain::choice::Configured<domain::alert::Attribute>, "attribute"),
        ("CONFIG", "CHOICE") if number.starts_with("ROLE") => {
            read!(domain::choice::Configured<domain::incident::IncidentRole>, "role")
        }
        ("CONFIG", "CHOICE") if number.starts_with("SEVERITY") => {
            read!(domain::choice::Configured<domain::incident::Severity>, "severity")
        }
        ("CONFIG", "CHOICE") if number.starts_with("STATUS") => {
            read!(domain::choice::Configured<domain::incident::Status>, "status")
        }
        ("CONFIG", "GENERATION") => {
            has(&key, item, &["n"]);
            "generation"
        }
        ("CONFIG", "PATH") | ("PATH", "V") => read!(Path, "escalation path"),
        ("CONFIG", "ROUTE") => read!(Route, "route"),
        ("CONFIG", "SOURCE") => read!(Source, "source"),
        ("CONFIG", "USER") => read!(User, "user"),
        ("COUNTER", "incident") => {
            has(&key, item, &["n"]);
            "counter"
        }
        ("ESCALATION", "HEAD") => read!(Escalation, "escalation"),
        ("ESCALATION", "PAGE") => read!(Notification, "notification"),
        ("ESCALATION" | "ALERT" | "INCIDENT" | "SOURCE", "T") | ("ESCALATION", "X") | ("SLACK", "S") => {
            read!(History<Value>, "history")
        }
        ("GROUP", "GROUP") => read!(domain::alert::group::GroupRow, "group"),
        ("INCIDENT", "HEAD") => read!(Incident, "incident"),
        ("INCIDENT", "A" | "E") | ("MEMBER", _) => "link",
        ("INCIDENTNUMBER", "NUMBER") | ("ONCE", "ONCE") => {
            has(&key, item, &["id"]);
            "id"
        }
        ("KEY", "KEY") => read!(KeyRow, "deduplication key"),
        ("ORG", "HEAD") => read!(Org, "organisation"),
        ("SLACK", "STEP") => read!(Step, "Slack step"),
        ("SLACKCHANNEL", "CHANNEL") => {
            has(&key, item, &["incident"]);
            "Slack channel"
        }
        ("SLACKUSER", "USER") | ("SLACKPERSON", "PERSON") => {
            has(&key, item, &["user", "slack"]);
            "Slack user"
        }
        ("SOURCE", "HEARTBEAT") if number.is_empty() => read!(Heartbeat, "heartbeat"),
        ("SOURCE", "BACKFILL") if number.is_empty() => read!(Backfill, "backfill"),
        ("SOURCE", "HEARTBEAT" | "BACKFILL") => read!(History<Value>, "history"),
        ("SOURCE", "FILTERED" | "UNMATCHED") => read!(FilteredCount, "filtered"),
        ("SOURCE", "SAMPLE") => {
            has(&key, item, &["sample"]);
            "sample"
        }
        ("UPDATES", _) => read!(UpdateRow, "update"),
        ("UNROUTED", _) => {
            has(&key, item, &["title", "ttl"]);
            "unrouted"
        }
        ("WINDOW", _) => {
            has(&key, item, &["used", "ttl"]);
            "window"
        }
        ("LOOKUP email", _) => {
            has(&key, item, &["org", "id"]);
            "user's look-up"
        }
        ("LOOKUP home" | "LOOKUP slack", _) => {
            has(&key, item, &["org"]);
            "organisation's look-up"
        }
        ("LOOKUP key", _) => read!(KeyHolder, "API key's look-up"),
        ("LOOKUP limit", _) => {
            has(&key, item, &["n", "ttl"]);
            "limit"
        }
        ("LOOKUP session", _) => read!(Session, "session"),
        ("LOOKUP signin", "LOOKUP") => read!(SignIn, "sign-in attempt"),
        ("LOOKUP signin", "T") => read!(History<Value>, "history"),
        ("LOOKUP source" | "LOOKUP sourcekey", _) => read!(SourceCredentials, "source's look-up"),
        _ => panic!("nobody knows what {key} is: {item}"),
    }
}

#[test]
fn every_item_of_the_old_version_is_read_as_its_type() {
    let items = OldData::unpack().unwrap().items().unwrap();

    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for item in &items {
        *kinds.entry(decoded(item)).or_default() += 1;
    }

    assert!(items.len() > 1000 && kinds.len() > 30, "{kinds:?}");
}

/// The bundle on what the old version left.
async fn taken_over() -> (OldData, Bundle) {
    let old = OldData::unpack().unwrap();
    let bundle = Bundle::start_on(&old).await.unwrap();
    (old, bundle)
}

/// Asks with an API key.
async fn ask(bundle: &Bundle, key: &str, path: &str) -> (u16, Value) {
    let request = Request::get(path).header("authorization", format!("Bearer {key}"));
    shown(bundle.request(request.body("".into()).unwrap()).await.unwrap()).await
}

/// Looks at a page in the browser of the old session.
async fn look(bundle: &Bundle, old: &OldData, path: &str) -> (u16, String) {
    let request = Request::get(path).header("cookie", old.fact("/session"));
    let answer = bundle.request(request.body("".into()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Sends a form as a browser does.
async fn form(bundle: &Bundle, old: &OldData, path: &str, body: String) -> http::Response<axum::body::Body> {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", old.fact("/public_url"));
    bundle.request(request.body(body.into()).unwrap()).await.unwrap()
}

async fn escalation(bundle: &Bundle, old: &OldData, fact: &str) -> Escalation {
    let id = old.fact(fact).parse().unwrap();
    bundle.calm.store.escalation(bundle.org, id).await.unwrap().unwrap()
}

#[test]
fn every_list_of_the_api_shows_what_the_old_version_wrote() {
    tell(|| async {
        let (old, bundle) = taken_over().await;
        let key = old.fact("/api_key");
        for (path, list, least) in [
            ("/v1/api_keys", "api_keys", 2),
            ("/v1/incident_roles", "incident_roles", 2),
            ("/v2/incident_roles", "incident_roles", 2),
            ("/v1/incident_statuses", "incident_statuses", 4),
            ("/v1/incident_types", "incident_types", 1),
            ("/v1/severities", "severities", 4),
            ("/v2/alert_attributes", "alert_attributes", 2),
            ("/v2/alert_routes", "alert_routes", 6),
            ("/v2/alert_sources", "alert_sources", 28),
            ("/v2/alert_source_types", "alert_source_types", 18),
            ("/v2/alerts?page_size=25", "alerts", 25),
            ("/v2/audit_logs", "audit_logs", 10),
            ("/v2/escalation_paths", "escalation_paths", 2),
            ("/v2/escalations", "escalations", 10),
            ("/v2/incident_alerts", "incident_alerts", 10),
            ("/v2/incident_timestamps", "incident_timestamps", 5),
            ("/v2/incident_updates", "incident_updates", 2),
            ("/v2/incidents", "incidents", 10),
            ("/v2/users", "users", 5),
            (&format!("/v2/alert_notes?alert_id={}", old.fact("/alert")), "alert_notes", 1),
            (
                &format!("/v2/users/{}/notification_methods", old.fact("/people/ada")),
                "notification_methods",
                4,
            ),
            (&format!("/v2/users/{}/notification_rules", old.fact("/people/ada")), "notification_rules", 5),
        ] {
            let (status, body) = ask(&bundle, key, path).await;
            assert_eq!(status, 200, "{path}: {body}");
            let listed = body[list].as_array().unwrap_or_else(|| panic!("{path}: {body}"));
            assert!(listed.len() >= least, "{path} lists {} of at least {least}", listed.len());
            // What is listed can be looked at.
            let (base, _) = path.split_once('?').unwrap_or((path, ""));
            let only_listed =
                ["alert_notes", "audit", "notification", "incident_alerts", "updates", "source_types"];
            if !only_listed.iter().any(|part| base.contains(part)) {
                for one in listed {
                    let path = format!("{base}/{}", one["id"].as_str().unwrap());
                    let (status, body) = ask(&bundle, key, &path).await;
                    assert_eq!(status, 200, "{path}: {body}");
                }
            }
        }
        bundle.stop().await;
    });
}

#[test]
fn every_page_shows_what_the_old_version_wrote_to_the_browser_that_was_signed_in() {
    tell(|| async {
        let (old, bundle) = taken_over().await;
        for path in [
            "/",
            "/alerts",
            &format!("/alerts/{}", old.fact("/alert")),
            "/alert-sources",
            &format!("/alert-sources/{}", old.fact("/sources/rich/id")),
            &format!("/alert-sources/{}", old.fact("/sources/draft/id")),
            &format!("/alert-sources/{}", old.fact("/sources/heartbeat/id")),
            "/api-keys",
            "/audit",
            "/escalations",
            &format!("/escalations/{}", old.fact("/triggered_escalation")),
            &format!("/escalations/{}", old.fact("/manual_escalation")),
            "/incidents",
            "/incidents/1",
            "/incidents/new",
            "/people",
            &format!("/people/{}", old.fact("/people/ada")),
        ] {
            let (status, page) = look(&bundle, &old, path).await;
            assert_eq!(status, 200, "{path}: {page}");
            assert!(page.contains("Owner"), "{path} does not know who is signed in: {page}");
        }
        bundle.stop().await;
    });
}

#[test]
fn keys_secrets_and_links_of_the_old_version_work() {
    tell(|| async {
        let (old, bundle) = taken_over().await;

        for (key, status) in [("/api_key", 200), ("/second_api_key", 200), ("/revoked_api_key", 401)] {
            let (answered, body) = ask(&bundle, old.fact(key), "/v1/identity").await;
            assert_eq!(answered, status, "{key}: {body}");
        }

        // The table holds secrets only sealed: whoever verifies a delivery has opened one.
        let deliver = async |source: &str, secret: &str, key: &str| {
            let id = old.fact(&format!("/sources/{source}/id"));
            let request = Request::post(format!("/v2/alert_events/http/{id}"))
                .header("authorization", format!("Bearer {secret}"));
            let event = json!({ "title": key, "status": "firing", "deduplication_key": key });
            bundle.request(request.body(event.to_string().into()).unwrap()).await.unwrap().status().as_u16()
        };
        assert_eq!(deliver("rich", old.fact("/sources/rich/secret"), "a").await, 202);
        assert_eq!(deliver("rich", old.fact("/sources/http/secret"), "b").await, 401);
        assert_eq!(deliver("rotated", old.fact("/sources/rotated/secret"), "c").await, 202);
        assert_eq!(deliver("rotated", old.fact("/sources/rotated/old_secret"), "d").await, 202);
        assert_eq!(deliver("disabled", old.fact("/sources/disabled/secret"), "e").await, 404);
        let ada = old.fact("/people/ada").parse().unwrap();
        let ada = bundle.calm.store.user(bundle.org, ada).await.unwrap().unwrap();
        let sealed = ada.methods.iter().find(|method| method.secret.is_some()).unwrap();
        let secret = app::user::methods::open_secret(
            &bundle.calm.seal,
            ada.id,
            &sealed.address,
            sealed.secret.as_deref().unwrap(),
        )
        .unwrap();
        assert_eq!(secret.expose_secret(), old.fact("/webhook_secret"));

        // The link to sign in that nobody has used yet is good once.
        let body = format!("token={}", old.fact("/sign_in_token"));
        let entered = form(&bundle, &old, "/sign-in", body.clone()).await;
        assert_eq!((entered.status().as_u16(), entered.headers().contains_key("set-cookie")), (303, true));
        assert_ne!(form(&bundle, &old, "/sign-in", body).await.status().as_u16(), 303);
        bundle.stop().await;
    });
}

#[test]
fn acknowledge_link_of_the_old_version_stops_its_escalation() {
    tell(|| async {
        let (old, bundle) = taken_over().await;
        let before = escalation(&bundle, &old, "/triggered_escalation").await;
        assert_eq!(before.head().state(), EscalationState::Triggered);
        let path = format!("/acknowledge/{}", old.fact("/acknowledge_token"));

        let (status, page) = look(&bundle, &old, &path).await;
        assert!(status == 200 && page.contains(&before.title), "{status}: {page}");
        let answered = form(&bundle, &old, &path, String::new()).await;

        assert!([200, 303].contains(&answered.status().as_u16()), "{}", answered.status());
        let after = escalation(&bundle, &old, "/triggered_escalation").await;
        assert_eq!(after.head().state(), EscalationState::Acked);
        // The next level is never reached.
        bundle.pass(3600).await;
        let page = |arrived: &testing::inbox::ArrivedNotification| {
            arrived.notification.starts_with(&before.id.to_string())
        };
        assert_eq!(bundle.inbox.arrived().iter().filter(|arrived| page(arrived)).count(), 0);
        bundle.stop().await;
    });
}

#[test]
fn notifications_that_the_old_version_owed_are_sent() {
    tell(|| async {
        let (_old, bundle) = taken_over().await;

        // Within the time that a lost message of a notification takes to be found.
        bundle.pass(90).await;

        let arrived = bundle.inbox.arrived();
        for (title, why) in [
            ("mail is down is broken", "pending, for its mail server was down"),
            ("not relayed is broken", "in the outbox"),
            ("on the queue is broken", "an event on the queue"),
        ] {
            let addresses: Vec<&str> = arrived
                .iter()
                .filter(|arrived| arrived.title == title)
                .map(|arrived| arrived.address.as_str())
                .collect();
            assert!(addresses.contains(&"ada@example.com"), "{title} ({why}) reached {addresses:?}");
        }
        // Links to sign in were owed, too: one whose mail server was down, and one in the outbox.
        let mut letters: Vec<String> =
            bundle.inbox.letters().iter().map(|letter| letter.address.clone()).collect();
        letters.sort_unstable();
        assert_eq!(letters, ["grace@example.com", "vera@example.com"]);
        bundle.stop().await;
    });
}

#[test]
fn messages_and_outbox_rows_of_the_old_version_are_handled() {
    tell(|| async {
        let (old, bundle) = taken_over().await;

        // All that waits on a queue is due within a quarter of an hour, and the last level an hour after its alert.
        bundle.pass(2 * 3600).await;

        for spec in queues::specs() {
            assert_eq!(bundle.embedded.queues().depth(&spec.name).unwrap(), 0, "{}", spec.name);
        }
        let store = &bundle.calm.store;
        // The event in a message was handled, and so were the mail and what its function said of a sender's delivery.
        let titles: Vec<String> = store
            .list_alerts(bundle.org, None, 100)
            .await
            .unwrap()
            .into_iter()
            .map(|alert| alert.title)
            .collect();
        for title in ["on the queue is broken", "Disk is full"] {
            assert!(titles.iter().any(|known| known == title), "no alert `{title}` in {titles:?}");
        }
        let alertmanager = old.fact("/sources/alertmanager/id").parse().unwrap();
        let alertmanager = store.source(bundle.org, alertmanager).await.unwrap().unwrap();
        assert!(alertmanager.last_error.is_some());
        // The end of an alert was in the outbox.
        let over = old.fact("/acknowledged_alert").parse().unwrap();
        assert_eq!(
            store.alert(bundle.org, over).await.unwrap().unwrap().head().state(),
            AlertState::Resolved
        );
        let acknowledged = escalation(&bundle, &old, "/acknowledged_escalation").await;
        assert_eq!(acknowledged.head().state(), EscalationState::Resolved);
        // Two backfills go on: one whose message was on its queue, one whose event was in the outbox.
        for source in ["/sources/backfilled/id", "/sources/rich/id"] {
            let id = old.fact(source).parse().unwrap();
            let backfill = store.backfill(bundle.org, id).await.unwrap().unwrap();
            assert_eq!(backfill.head().state(), BackfillState::Done, "{source}");
        }
        // What somebody had typed in Slack opens its incident.
        let incidents = ledger(&bundle).await.incidents;
        assert!(incidents.iter().any(|incident| incident.title == "the lift is stuck"));
        bundle.stop().await;
    });
}

/// The same on the files, at the time of today, at which everything is long due.
#[test]
fn data_directory_of_the_old_version_opens_and_its_queues_run_empty() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let old = OldData::unpack().unwrap();
        let (context, embedded) = testing::bundle::on_files(&old).unwrap();
        let feed = Box::new(CheckpointedReader(embedded.stream()));
        let mut runner = Runner::start(&context, &embedded, Arc::new(DirectInvoker), feed);
        runner.trim(embedded.stream());

        let waits = || {
            // What is to be handled later may wait: a level goes on for a while.
            let waiting = |queue: &&Queue| {
                let (visible, in_flight, _) = embedded.queues().counts(queue.name()).unwrap();
                visible + in_flight > 0
            };
            Queue::ALL.iter().filter(waiting).map(|queue| queue.name()).collect::<Vec<_>>()
        };
        for _ in 0..300 {
            let unread = !embedded.stream().read(1).unwrap().is_empty();
            if waits().is_empty() && !unread {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }

        assert_eq!(waits(), Vec::<&str>::new());
        for spec in queues::specs().iter().filter(|spec| spec.name.ends_with("-dead")) {
            assert_eq!(embedded.queues().depth(&spec.name).unwrap(), 0, "{}", spec.name);
        }
        let (status, body) = {
            let request = Request::get("/v2/alerts?page_size=25")
                .header("authorization", format!("Bearer {}", old.fact("/api_key")));
            let request = request.body(axum::body::Body::empty()).unwrap();
            shown(tower::ServiceExt::oneshot(runner.router.clone(), request).await.unwrap()).await
        };
        assert_eq!((status, body["alerts"].as_array().unwrap().len()), (200, 25), "{body}");
        runner.stop().await;
    });
}
