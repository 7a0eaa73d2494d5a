//! Pending Slack steps on the page of an incident.

use app::slack::connect::connect;
use domain::Actor;
use domain::job::lease::Leased;
use domain::slack::{Step, Thread};
use http::StatusCode;
use slack::Authorised;
use store::Commit;

use crate::support::{Scene, Session, between};

/// Connects a workspace, to which nothing is ever sent here.
async fn connected(scene: &Scene) {
    let (ctx, by) = (&scene.ctx, Actor::system(scene.org, "test"));
    let authorised = Authorised {
        team: "T01".parse().unwrap(),
        name: "Acme".to_owned(),
        bot: "U0BOT".parse().unwrap(),
        channel: None,
        token: "xoxb-of-nobody".to_owned().into(),
    };
    connect(&ctx.store, &ctx.seal, &by, &authorised, &ctx.random, ctx.now()).await.unwrap();
}

/// Declares the first incident.
async fn declared(scene: &Scene, session: &Session) {
    let seen = scene.fill(session, "/incidents/new", &[("name", "Owing"), ("key", "k")]).await;
    assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
}

/// The one step that is owed.
async fn step(scene: &Scene) -> Step {
    let store = &scene.ctx.store;
    let incident = store.incident_by_number(scene.org, 1).await.unwrap().unwrap();
    let mut steps = store.slack_steps(scene.org, &Thread::incident(incident.id), "").await.unwrap();
    assert_eq!(steps.len(), 1, "{steps:?}");
    steps.remove(0)
}

/// What the page says of it.
fn said(page: &str) -> String {
    between(page, "id=\"slack\"", "</section>")
}

#[tokio::test]
async fn pending_slack_step_is_shown_with_attempts_and_error_until_it_is_done() {
    let scene = Scene::new().await;
    connected(&scene).await;
    let session = scene.sign_in().await;
    declared(&scene, &session).await;
    let store = &scene.ctx.store;

    let page = scene.look(&session, "/incidents/1").await;
    assert!(
        said(&page).contains("Waiting Follow the incidentNext attempt: due nowattempt 1"),
        "{}",
        said(&page)
    );

    scene.pass(1);
    store.claim(step(&scene).await.claim(scene.ctx.now()).unwrap()).await.unwrap();
    let again = step(&scene).await.retry("Slack says <b>no</b>", None, scene.ctx.now()).unwrap();
    store.commit(Commit::new().transition(again)).await.unwrap();
    let page = scene.look(&session, "/incidents/1").await;
    assert!(page.contains("Slack says &lt;b&gt;no&lt;/b&gt;"), "{}", said(&page));
    assert!(said(&page).contains("Next attempt: in 2 sattempt 2"), "{}", said(&page));

    store.claim(step(&scene).await.claim(scene.ctx.now()).unwrap()).await.unwrap();
    store
        .commit(Commit::new().transition(step(&scene).await.failed("given up", scene.ctx.now()).unwrap()))
        .await
        .unwrap();
    let page = scene.look(&session, "/incidents/1").await;
    assert!(said(&page).contains("Failed") && said(&page).contains("Given up"), "{}", said(&page));

    store
        .commit(Commit::new().transition(step(&scene).await.anew(scene.ctx.now()).unwrap().unwrap()))
        .await
        .unwrap();
    store
        .commit(
            Commit::new().transition(step(&scene).await.obsolete("nobody cares", scene.ctx.now()).unwrap()),
        )
        .await
        .unwrap();
    let page = scene.look(&session, "/incidents/1").await;
    assert!(!page.contains("Pending in Slack"), "{page}");
}

#[tokio::test]
async fn slack_steps_are_not_read_without_a_connected_workspace() {
    let (with, without) = (Scene::new().await, Scene::new().await);
    connected(&with).await;
    let mut calls = Vec::new();
    for (scene, is_connected) in [(&with, true), (&without, false)] {
        let session = scene.sign_in().await;
        declared(scene, &session).await;
        scene.look(&session, "/incidents/1").await;
        let before = scene.database.calls();
        let page = scene.look(&session, "/incidents/1").await;
        calls.push(scene.database.calls() - before);
        assert_eq!(page.contains("Pending in Slack"), is_connected);
    }

    assert_eq!(
        calls[0] - calls[1],
        6,
        "four steps that are there once, the newest looks and the newest shares"
    );
}
