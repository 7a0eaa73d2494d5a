//! Slack: what people do there, and what Firebell posts.

mod close;
mod direct;
mod outage;
mod people;
mod refusals;
mod timeline;

use domain::incident::Incident;
use domain::slack::{ButtonPress, Step, Thread};
use http::{Request, StatusCode};
use machine::{State, Stateful};
use serde_json::Value;
use testing::bundle::{API_KEY, Bundle};
use testing::fake_slack::{ANNOUNCEMENTS, BOT};
use testing::sender::{Alert, shown};

use crate::stage::{calm, ledger, paged, tell};

/// A bundle whose organisation is connected to Slack, between two sweeps.
async fn connected() -> Bundle {
    let bundle = calm().await;
    bundle.connect_slack().await.unwrap();
    bundle.pass(5).await;
    bundle
}

/// Sends a request of Slack, which must be accepted.
async fn send(bundle: &Bundle, request: Request<axum::body::Body>) {
    let answer = bundle.request(request).await.expect("nothing is killed in this story");
    assert_eq!(answer.status(), StatusCode::OK);
}

/// Sends a slash command.
async fn types(bundle: &Bundle, user: &str, channel: &str, text: &str, trigger: &str) {
    send(bundle, bundle.slack.command(user, channel, text, trigger)).await;
    bundle.pass(10).await;
}

/// A request to the API.
fn request(path: &str, body: &Value) -> Request<axum::body::Body> {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {API_KEY}"))
        .header("content-type", "application/json");
    request.body(body.to_string().into()).unwrap()
}

/// Sends a request to the API, which must be accepted.
async fn api(bundle: &Bundle, path: &str, body: &Value) {
    let (status, body) = shown(bundle.request(request(path, body)).await.unwrap()).await;
    assert!((200..300).contains(&status), "{path}: {status} {body}");
    bundle.pass(10).await;
}

/// The only incident.
async fn incident(bundle: &Bundle) -> Incident {
    let mut incidents = ledger(bundle).await.incidents;
    assert_eq!(incidents.len(), 1);
    incidents.remove(0)
}

/// The Slack steps of an incident.
async fn steps(bundle: &Bundle, incident: &Incident) -> Vec<Step> {
    bundle.calm.store.slack_steps(bundle.org, &Thread::incident(incident.id), "").await.unwrap()
}

/// The Slack steps that are not done, with the newest line of their history.
async fn undone(bundle: &Bundle, incident: &Incident) -> Vec<String> {
    let steps = steps(bundle, incident).await.into_iter();
    let undone = steps.filter(|step| step.head().state() != domain::slack::StepState::Done);
    undone
        .map(|step| format!("{} {}: {:?}", step.id, step.head().state().name(), step.attempts.log.last()))
        .collect()
}

/// The channel of an incident.
fn channel_of(bundle: &Bundle, reference: &str) -> testing::fake_slack::Channel {
    let name = format!("{}-", reference.to_lowercase());
    let channels = bundle.slack.channels();
    let mut ours = channels.into_iter().filter(|channel| channel.name.starts_with(&name));
    let channel = ours.next().expect("the incident has no channel");
    assert!(ours.next().is_none(), "the incident has two channels");
    channel
}

#[test]
fn command_with_a_text_opens_an_incident_announces_it_and_gives_it_a_channel() {
    tell(|| async {
        let bundle = connected().await;

        types(&bundle, "U0ADA", "C0SOMEWHERE", "the database is down", "13.37").await;

        let incident = incident(&bundle).await;
        assert_eq!((&*incident.title, incident.head().state().name()), ("the database is down", "active"));
        let channel = channel_of(&bundle, &incident.reference());
        assert_eq!((&*channel.name, &*channel.creator), ("inc-1-the-database-is-down", BOT));
        assert!(channel.members.contains("U0ADA"), "{channel:?}");
        let announced = bundle.slack.messages_in(ANNOUNCEMENTS);
        assert_eq!(announced.len(), 1, "{announced:?}");
        assert_eq!(announced[0].buttons(), ["update", "resolve"], "nobody is paged: nothing to acknowledge");
        assert!(announced[0].blocks.to_string().contains(&format!("<#{}>", channel.id)), "{announced:?}");
        assert_eq!(bundle.slack.messages_in(&channel.id).len(), 1);
        let answers = bundle.slack.answers();
        assert_eq!(answers.len(), 1);
        assert!(answers[0].text.contains("*INC-1* the database is down"), "{answers:?}");
        assert!(answers[0].to.ends_with("/13.37"), "{answers:?}");
        assert_eq!(undone(&bundle, &incident).await, [""; 0]);
    });
}

#[test]
fn command_that_comes_twice_opens_one_incident_and_is_answered_once() {
    tell(|| async {
        let bundle = connected().await;

        for _ in 0..3 {
            send(&bundle, bundle.slack.command("U0ADA", "C0SOMEWHERE", "fire", "13.37")).await;
        }
        bundle.pass(10).await;
        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "13.37").await;

        incident(&bundle).await;
        assert_eq!(bundle.slack.answers().len(), 1);
        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "13.38").await;
        assert_eq!(ledger(&bundle).await.incidents.len(), 2, "another trigger is another incident");
    });
}

#[test]
fn alert_that_opens_an_incident_is_announced_and_acknowledged_from_slack() {
    tell(|| async {
        let bundle = connected().await;
        bundle.deliver(&[Alert::now(&bundle, "<!channel> fire")]).await;
        bundle.pass(10).await;
        let incident = incident(&bundle).await;
        let announced = bundle.slack.messages_in(ANNOUNCEMENTS);
        assert_eq!(announced[0].buttons(), ["acknowledge", "update", "resolve"]);
        assert!(!announced[0].text.contains('<'), "{announced:?}");
        let channel = channel_of(&bundle, &incident.reference());
        assert!(channel.members.contains("U0ADA"), "who is paged is invited: {channel:?}");

        send(
            &bundle,
            bundle.slack.press("U0GRACE", ANNOUNCEMENTS, ButtonPress::Acknowledge(incident.id), "1.1"),
        )
        .await;
        bundle.pass(10).await;

        let escalation = ledger(&bundle).await.escalations.remove(0);
        assert_eq!(escalation.head().state().name(), "acked");
        let announced = bundle.slack.messages_in(ANNOUNCEMENTS);
        assert_eq!(announced.len(), 1, "it is edited in place");
        assert_eq!(
            announced[0].buttons(),
            ["update", "resolve"],
            "the button that no longer applies is gone"
        );
        assert!(announced[0].blocks.to_string().contains("Acknowledged by Grace Backup."), "{announced:?}");
        assert!(channel_of(&bundle, &incident.reference()).members.contains("U0GRACE"));
        bundle.pass(600).await;
        assert_eq!(paged(&bundle), ["ada@example.com"], "nobody else is paged");
    });
}

#[test]
fn resolving_from_slack_ends_the_incident_its_alert_and_its_paging() {
    tell(|| async {
        let bundle = connected().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let incident = incident(&bundle).await;

        for _ in 0..2 {
            send(
                &bundle,
                bundle.slack.press("U0ADA", ANNOUNCEMENTS, ButtonPress::Resolve(incident.id), "1.1"),
            )
            .await;
        }
        bundle.pass(10).await;

        let ledger = ledger(&bundle).await;
        assert_eq!(ledger.incidents[0].head().state().name(), "closed");
        assert_eq!(ledger.alerts[0].head().state().name(), "resolved");
        assert_eq!(ledger.escalations[0].head().state().name(), "resolved");
        assert_eq!(bundle.slack.messages_in(ANNOUNCEMENTS)[0].buttons(), [""; 0]);
        let channel = channel_of(&bundle, &incident.reference());
        let shared = bundle.slack.messages_in(&channel.id);
        assert_eq!(shared.len(), 2, "the channel's message, and the update: {shared:?}");
        assert!(!shared[1].text.contains("<@"), "whoever acted is not mentioned: {shared:?}");
    });
}

#[test]
fn acknowledging_elsewhere_is_seen_in_slack() {
    tell(|| async {
        let bundle = connected().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let escalation = ledger(&bundle).await.escalations.remove(0);

        let by = domain::Actor::system(bundle.org, "mail");
        let (store, now) = (&bundle.context.store, bundle.now());
        app::escalation::respond::acknowledge(store, &by, escalation.id, now).await.unwrap();
        bundle.pass(10).await;

        assert_eq!(bundle.slack.messages_in(ANNOUNCEMENTS)[0].buttons(), ["update", "resolve"]);
    });
}

#[test]
fn without_a_workspace_nothing_is_owed_and_nothing_is_asked_of_slack() {
    tell(|| async {
        let bundle = calm().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(70).await;

        let incident = incident(&bundle).await;

        assert!(incident.followers == Default::default() && steps(&bundle, &incident).await.is_empty());
        assert!(bundle.slack.calls().is_empty());
        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "1.1").await;
        assert!(bundle.slack.answers()[0].text.contains("not connected"));
    });
}

#[test]
fn channel_name_that_is_taken_is_passed_over_and_one_of_our_own_is_found_again() {
    tell(|| async {
        let bundle = connected().await;
        bundle.slack.occupy("inc-1-fire");

        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "1.1").await;

        let names: Vec<String> = bundle.slack.channels().into_iter().map(|channel| channel.name).collect();
        assert_eq!(names, ["incidents", "inc-1-fire", "inc-1-fire-2"]);
        let incident = incident(&bundle).await;
        let steps = steps(&bundle, &incident).await;
        let channel = steps.iter().find(|step| step.id.to_string() == "channel").unwrap();
        assert!(channel.kept.channel.is_some());
    });
}
