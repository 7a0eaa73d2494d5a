//! CloudWatch behind an SNS of our own: it serves its certificate and its confirmations at the names of AWS, signs with
//! its own key, and is asked through the same client as the real one.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use app::worker::{NotificationRequest, NotificationSend, Worker};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::message::{Envelope, Queue};
use egress::fake_internet::FakeInternet;
use http::Request;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::world::{Answer, World, changed, id, source_of};

const PEM: &str = include_str!("../../../sources/tests/sns/certificate.pem");
const KEY: &str = include_str!("../../../sources/tests/sns/key.pem");
const HOST: &str = "sns.eu-west-1.amazonaws.com";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alarms";

/// What it was asked, and how it answers.
#[derive(Default)]
struct Seen {
    certificates: AtomicUsize,
    confirmed: Mutex<Vec<String>>,
    /// The status of every answer; 0 is 200.
    status: AtomicU16,
}

/// An SNS.
struct Sns {
    seen: Arc<Seen>,
    play: FakeInternet,
}

impl Sns {
    fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let asked = seen.clone();
        let play = FakeInternet::start(&[HOST], move |path| {
            if path.ends_with(".pem") {
                asked.certificates.fetch_add(1, Ordering::Relaxed);
            }
            match asked.status.load(Ordering::Relaxed) {
                0 if path == "/SimpleNotificationService-0a.pem" => (200, PEM.to_owned()),
                0 if path.starts_with("/?Action=ConfirmSubscription&") => {
                    asked.confirmed.lock().unwrap().push(path.to_owned());
                    (200, "<ConfirmSubscriptionResponse/>".to_owned())
                }
                0 => (404, String::new()),
                other => (other, String::new()),
            }
        });
        Self { seen, play: play.unwrap() }
    }

    /// A world in which this is the SNS of the region.
    async fn world(&self) -> World {
        World::within(self.play.client()).await
    }

    fn answers(&self, status: u16) {
        self.seen.status.store(status, Ordering::Relaxed);
    }

    fn certificates(&self) -> usize {
        self.seen.certificates.load(Ordering::Relaxed)
    }

    fn confirmed(&self) -> usize {
        self.seen.confirmed.lock().unwrap().len()
    }
}

/// Puts an envelope together and signs it, as SNS does.
fn envelope(world: &World, kind: &str, topic: &str, message: &str) -> Value {
    let region = topic.split(':').nth(3).unwrap();
    let mut body = json!({
        "Type": kind, "MessageId": "1", "TopicArn": topic, "Message": message,
        "Timestamp": world.context.now().to_string(),
        "SigningCertURL": format!("https://sns.{region}.amazonaws.com/SimpleNotificationService-0a.pem"),
    });
    let names: &[&str] = if kind == "Notification" {
        &["Message", "MessageId", "Timestamp", "TopicArn", "Type"]
    } else {
        let url = format!(
            "https://sns.{region}.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=7"
        );
        (body["Token"], body["SubscribeURL"]) = (json!("7"), json!(url));
        &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    };
    let text: String =
        names.iter().map(|name| format!("{name}\n{}\n", body[*name].as_str().unwrap())).collect();
    let key: String = KEY.lines().filter(|line| !line.starts_with("---")).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(key).unwrap()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    (body["SignatureVersion"], body["Signature"]) = (json!("2"), json!(STANDARD.encode(signature)));
    body
}

fn alarm(state: &str) -> String {
    json!({"AlarmName": "db-1 CPU", "NewStateValue": state, "AlarmArn": "arn:aws:cloudwatch:eu-west-1:1:alarm:db-1 CPU"})
        .to_string()
}

/// Posts as SNS does: text, to the address with its query.
async fn post(world: &World, source: &Value, query: &str, body: &Value) -> Answer {
    let path = source["alert_events_url"].as_str().unwrap().trim_start_matches("http://firebell.example");
    let request = Request::post(format!("{path}{query}")).header("content-type", "text/plain; charset=UTF-8");
    world.send(request.body(axum::body::Body::from(body.to_string())).unwrap()).await
}

async fn cloudwatch(world: &World) -> (Value, String) {
    let source =
        world.post("/v2/alert_sources", &source_of("cloudwatch")).await.with(200)["alert_source"].clone();
    let query = format!("?token={}", source["secret_token"].as_str().unwrap());
    (source, query)
}

/// Confirms what waits to be confirmed; how many of them must come again.
async fn confirm(world: &World) -> usize {
    let mut again = 0;
    for message in world.embedded.queues().receive(Queue::NotificationSend.name(), 10).unwrap() {
        let envelope: Envelope<NotificationRequest> = serde_json::from_str(&message.body).unwrap();
        let context = &world.context;
        let worker = NotificationSend::new(context);
        match worker.request(envelope.body, &envelope.trace, context.now()).await {
            Ok(()) => assert!(
                world.embedded.queues().delete(Queue::NotificationSend.name(), &message.receipt).unwrap()
            ),
            Err(_) => again += 1,
        }
    }
    again
}

async fn last_error(world: &World, source: &Value) -> String {
    world.handle().await;
    let shown = world.get(&format!("/v2/alert_sources/{}", id(source))).await.with(200);
    shown["alert_source"]["last_error"]["reason"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn topic_is_confirmed_and_pinned_and_then_its_signature_alone_counts() {
    let sns = Sns::start();
    let world = sns.world().await;
    let (source, query) = cloudwatch(&world).await;

    post(&world, &source, &query, &envelope(&world, "SubscriptionConfirmation", TOPIC, "Hello"))
        .await
        .with(202);
    assert_eq!((sns.confirmed(), confirm(&world).await, sns.confirmed()), (0, 0, 1));

    // From then on: what the topic signed, with or without the secret.
    for (query, state) in [(&*query, "ALARM"), ("", "OK")] {
        post(&world, &source, query, &envelope(&world, "Notification", TOPIC, &alarm(state))).await.with(202);
        assert_eq!(world.handle().await.len(), 1, "{state}");
    }
    assert_eq!(sns.certificates(), 1, "a certificate is fetched once");

    // And nothing else: not the secret alone, not another topic, not a body that was changed.
    let signed = envelope(&world, "Notification", TOPIC, &alarm("OK"));
    post(&world, &source, &query, &changed(&signed, "/Message", json!(alarm("ALARM")))).await.refused(401);
    post(&world, &source, "", &changed(&signed, "/Message", json!(alarm("ALARM")))).await.refused(401);
    let other = "arn:aws:sns:eu-west-1:123456789012:other";
    post(&world, &source, "", &envelope(&world, "Notification", other, &alarm("OK"))).await.refused(401);
    assert_eq!(last_error(&world, &source).await, "", "who is not known cannot write anything");
    post(&world, &source, &query, &serde_json::from_str(&alarm("OK")).unwrap()).await.refused(401);
    assert!(last_error(&world, &source).await.contains("turn raw message delivery off"));
    post(&world, &source, &query, &envelope(&world, "Notification", other, &alarm("OK"))).await.refused(401);
    post(&world, &source, &query, &envelope(&world, "SubscriptionConfirmation", other, ""))
        .await
        .refused(401);
    assert_eq!((world.handle().await.len(), confirm(&world).await, sns.confirmed()), (0, 0, 1));

    // Its own example is still delivered, and the end of the subscription is shown.
    world.post(&format!("/v2/alert_sources/{}/actions/send_test", id(&source)), &json!({})).await.with(202);
    assert_eq!(world.handle().await.len(), 1);
    world.pass(61);
    post(&world, &source, "", &envelope(&world, "UnsubscribeConfirmation", TOPIC, "Bye")).await.with(202);
    assert!(last_error(&world, &source).await.contains("was deleted, so nothing more arrives from it"));
    assert_eq!((confirm(&world).await, sns.confirmed()), (0, 1), "it is not confirmed again");
}

#[tokio::test]
async fn subscription_without_the_secret_or_without_a_signature_pins_nothing() {
    let sns = Sns::start();
    let world = sns.world().await;
    let (source, query) = cloudwatch(&world).await;
    let asked = envelope(&world, "SubscriptionConfirmation", TOPIC, "Hello");

    post(&world, &source, "", &asked).await.refused(401);
    post(&world, &source, "?token=wrong", &asked).await.refused(401);
    assert_eq!(sns.certificates(), 0, "no certificate is fetched for an unknown sender");
    post(&world, &source, &query, &changed(&asked, "/Token", json!("8"))).await.refused(401);
    let elsewhere =
        changed(&asked, "/SigningCertURL", json!("https://evil.example/SimpleNotificationService-0a.pem"));
    post(&world, &source, &query, &elsewhere).await.refused(401);
    post(&world, &source, "", &envelope(&world, "Notification", TOPIC, &alarm("ALARM"))).await.refused(401);

    assert_eq!((world.handle().await.len(), confirm(&world).await, sns.confirmed()), (0, 0, 0));
    // A source without a topic takes what names its secret: EventBridge, and what is tried by hand.
    post(&world, &source, &query, &serde_json::from_str(&alarm("ALARM")).unwrap()).await.with(202);
    assert_eq!(world.handle().await.len(), 1);
}

#[tokio::test]
async fn failures_of_sns_are_tried_again_and_lose_nothing() {
    let sns = Sns::start();
    let world = sns.world().await;
    let (source, query) = cloudwatch(&world).await;
    let asked = envelope(&world, "SubscriptionConfirmation", TOPIC, "Hello");

    // The certificate cannot be had: SNS is asked to send again, and not asked for each delivery.
    sns.answers(503);
    for _ in 0..3 {
        post(&world, &source, &query, &asked).await.refused(503);
    }
    assert_eq!((sns.certificates(), confirm(&world).await), (1, 0));
    sns.answers(0);
    world.pass(6);
    post(&world, &source, &query, &asked).await.with(202);

    // The confirmation is not answered: the message stays.
    sns.answers(500);
    assert_eq!((confirm(&world).await, sns.confirmed()), (1, 0));
    sns.answers(0);
    world.pass(91);
    assert_eq!((confirm(&world).await, sns.confirmed()), (0, 1));
    // It came twice, and ran out in between: there is nothing to be done any more.
    post(&world, &source, &query, &asked).await.with(202);
    sns.answers(400);
    assert_eq!(confirm(&world).await, 0);
}

#[tokio::test]
async fn another_secret_makes_a_source_forget_its_topic() {
    let sns = Sns::start();
    let world = sns.world().await;
    let (source, query) = cloudwatch(&world).await;
    post(&world, &source, &query, &envelope(&world, "SubscriptionConfirmation", TOPIC, "")).await.with(202);
    let signed = || envelope(&world, "Notification", TOPIC, &alarm("ALARM"));
    post(&world, &source, "", &signed()).await.with(202);

    let other = changed(&source_of("cloudwatch"), "/secret_token", json!("another-secret-of-this-source"));
    world.put(&format!("/v2/alert_sources/{}", id(&source)), &other).await.with(200);
    world.pass(31);

    post(&world, &source, "", &signed()).await.refused(401);
    post(&world, &source, &query, &signed()).await.refused(401);
    let query = "?token=another-secret-of-this-source";
    let elsewhere = "arn:aws:sns:eu-west-1:123456789012:elsewhere";
    post(&world, &source, query, &envelope(&world, "SubscriptionConfirmation", elsewhere, ""))
        .await
        .with(202);
    post(&world, &source, "", &envelope(&world, "Notification", elsewhere, &alarm("OK"))).await.with(202);
}

#[tokio::test]
async fn secret_that_was_replaced_pins_nothing_and_its_topic_holds_while_it_does() {
    let sns = Sns::start();
    let world = sns.world().await;
    let theirs = "arn:aws:sns:eu-west-1:999999999999:theirs";
    let asks = |topic: &str| envelope(&world, "SubscriptionConfirmation", topic, "");
    let (pinned, leaked) = cloudwatch(&world).await;
    let (bare, seen) = cloudwatch(&world).await;
    post(&world, &pinned, &leaked, &asks(TOPIC)).await.with(202);
    let mut queries = Vec::new();
    for source in [&pinned, &bare] {
        let rotate = format!("/v2/alert_sources/{}/actions/rotate_secret", id(source));
        let rotated = world.post(&rotate, &json!({ "overlap_hours": 24 })).await.with(200);
        queries.push(format!("?token={}", rotated["alert_source"]["secret_token"].as_str().unwrap()));
    }
    world.pass(31);

    // A sender with the old secret can neither take the source nor send it anything.
    post(&world, &pinned, &leaked, &asks(theirs)).await.refused(401);
    post(&world, &pinned, &leaked, &serde_json::from_str(&alarm("OK")).unwrap()).await.refused(401);
    post(&world, &bare, &seen, &asks(theirs)).await.refused(401);
    // The topic continues meanwhile, and another one takes its place with the new secret.
    post(&world, &pinned, &leaked, &envelope(&world, "Notification", TOPIC, &alarm("ALARM"))).await.with(202);
    let other = "arn:aws:sns:eu-west-1:123456789012:other";
    post(&world, &pinned, &queries[0], &asks(other)).await.with(202);
    post(&world, &pinned, "", &envelope(&world, "Notification", other, &alarm("OK"))).await.with(202);
    post(&world, &pinned, &leaked, &envelope(&world, "Notification", TOPIC, &alarm("OK"))).await.refused(401);
    post(&world, &bare, &queries[1], &asks(TOPIC)).await.with(202);
}

#[tokio::test]
async fn what_sns_sent_an_hour_ago_is_not_taken_again() {
    let sns = Sns::start();
    let world = sns.world().await;
    let (source, query) = cloudwatch(&world).await;
    post(&world, &source, &query, &envelope(&world, "SubscriptionConfirmation", TOPIC, "")).await.with(202);
    let seen = envelope(&world, "Notification", TOPIC, &alarm("OK"));
    post(&world, &source, "", &seen).await.with(202);

    world.pass(3601);

    post(&world, &source, "", &seen).await.refused(401);
    assert!(last_error(&world, &source).await.contains("more than an hour ago"));
}
