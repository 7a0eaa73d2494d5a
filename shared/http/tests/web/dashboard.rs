//! The dashboard.

use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget};
use domain::escalation::EscalationState;
use domain::id::AuditId;
use domain::org::Org;
use domain::slack::{Refused, Workspace};
use domain::{Actor, Identity};
use http::{Method, StatusCode};
use machine::Stateful;
use store::Commit;

use crate::faults::Fault;
use crate::support::{OUR_SCRIPT, Scene, alert, form};

/// The numbers at the top: open, expired, unrouted.
fn numbers(page: &str) -> Vec<&str> {
    let tiles = page.split("</dl>").next().unwrap();
    tiles.split("<dd>").skip(1).map(|rest| rest.split("</dd>").next().unwrap()).collect()
}

#[tokio::test]
async fn dashboard_is_quiet_without_open_escalations() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;

    let seen = scene.browse(&session.cookie, "/").await;

    assert_eq!(numbers(&seen.text), ["0", "0", "0"]);
    assert!(seen.text.contains("Nobody is being notified"), "{}", seen.text);
    assert!(seen.text.contains("/alerts?state=firing") && !seen.text.contains("quiet</h2>"), "{}", seen.text);
    assert!(!seen.text.contains("Acknowledge</button>"));
}

#[tokio::test]
async fn open_escalations_are_shown_newest_first_with_their_history() {
    let scene = Scene::new().await;
    let older = scene.fire(alert("Older")).await;
    scene.let_expire(&older).await;
    scene.fire(alert("Newer")).await;
    scene.pass(60);
    let session = scene.sign_in().await;

    let text = scene.browse(&session.cookie, "/").await.text;

    assert_eq!(numbers(&text), ["2", "1", "0"]);
    let newer = text.find("<bdi>Newer</bdi>").unwrap();
    let (newer, older) = text.split_at(text.find("<bdi>Older</bdi>").unwrap().max(newer));
    for part in
        ["<bdi>Newer</bdi>", "INC-2", "Level 1 of 2", "Triggered", "<strong>1 min ago</strong>", "Opened"]
    {
        assert!(newer.contains(part), "no {part:?} in {newer}");
    }
    for part in [
        "INC-1",
        "Every level was notified, and nobody acknowledged.",
        "Nobody acknowledged at any level",
        "Level 2 notified",
        "Email to <bdi>Grace Backup</bdi>",
        "Email to <bdi>Olive Owner</bdi>",
        "<bdi>Firebell</bdi>",
        "<bdi>Alertmanager</bdi>",
    ] {
        assert!(older.contains(part), "no {part:?} in {older}");
    }
    assert_eq!(text.matches("Acknowledge</button>").count(), 2);
}

#[tokio::test]
async fn acknowledgement_is_recorded_for_the_signed_in_person() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    let path = format!("/escalations/{}/acknowledge", escalation.id);
    let headers = [("cookie", &*session.cookie), ("sec-fetch-site", "same-origin")];

    let pressed = scene.send(form(&path, &session.token, &headers)).await;

    assert_eq!(pressed.status, StatusCode::SEE_OTHER);
    assert_eq!(scene.escalation(&escalation).await.head().state(), EscalationState::Acked);
    let story = scene.ctx.store.escalation_with_story(scene.org, escalation.id).await.unwrap().unwrap();
    assert_eq!(story.history.last().unwrap().by, Identity::User(scene.owner.id).to_string());
    let seen = scene.browse(&session.cookie, pressed.header("location")).await;
    assert!(seen.text.contains("Acknowledged by <strong><bdi>Olive Owner</bdi></strong>"), "{}", seen.text);
    assert_eq!(numbers(&seen.text), ["0", "0", "0"]);
}

#[tokio::test]
async fn form_with_only_an_origin_header_is_accepted() {
    for origin in ["http://firebell.test", "http://localhost:8080"] {
        let scene = Scene::new().await;
        let escalation = scene.fire(alert("Disk full")).await;
        let session = scene.sign_in().await;
        let path = format!("/escalations/{}/acknowledge", escalation.id);
        let headers = [("cookie", &*session.cookie), ("origin", origin), ("host", "localhost:8080")];

        let pressed = scene.send(form(&path, &session.token, &headers)).await;

        assert_eq!(pressed.status, StatusCode::SEE_OTHER, "{origin}");
    }
}

#[tokio::test]
async fn second_acknowledgement_shows_who_was_first() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    scene.post(&scene.link(&escalation, &scene.ada)).await;
    let before = scene.everything(&escalation).await;
    let path = format!("/escalations/{}/acknowledge", escalation.id);

    let pressed = scene.send(form(&path, &session.token, &[("cookie", &session.cookie)])).await;
    let seen = scene.browse(&session.cookie, pressed.header("location")).await;

    assert_eq!(scene.everything(&escalation).await, before);
    assert!(seen.text.contains("Acknowledged by <strong><bdi>Ada Oncall</bdi></strong>"), "{}", seen.text);
}

#[tokio::test]
async fn get_requests_change_nothing() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    let before = scene.everything(&escalation).await;

    scene.browse(&session.cookie, "/").await;
    scene.browse(&session.cookie, &format!("/?answered={}", escalation.id)).await;
    let seen = scene.ask(Method::GET, &format!("/escalations/{}/acknowledge", escalation.id)).await;

    assert_eq!(seen.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(scene.everything(&escalation).await, before);
}

#[tokio::test]
async fn acknowledging_an_unknown_escalation_answers_404() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;

    for id in ["01M8525M3G7RJ5BAGYBZRWCH9M", "x", "%ff"] {
        let path = format!("/escalations/{id}/acknowledge");
        let seen = scene.send(form(&path, &session.token, &[("cookie", &session.cookie)])).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn unrouted_alerts_are_shown_with_their_source() {
    let scene = Scene::new().await;
    scene.fire_unrouted(alert("Old disk")).await;
    scene.pass(7200);
    let session = scene.sign_in().await;

    let text = scene.browse(&session.cookie, "/").await.text;

    assert_eq!(numbers(&text), ["0", "0", "1"]);
    for part in ["<bdi>Old disk</bdi>", "<bdi>Old Nagios</bdi>", "<strong>2 h ago</strong>"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[tokio::test]
async fn resolved_alert_is_no_longer_unrouted() {
    let scene = Scene::new().await;
    scene.fire_unrouted(alert("Old disk")).await;
    let session = scene.sign_in().await;
    let id = scene.ctx.store.unrouted(scene.org, 1).await.unwrap()[0];

    let by = Actor::person(scene.org, &scene.owner);
    app::alert::resolve::resolve(&scene.ctx.store, &by, id, scene.ctx.now()).await.unwrap();

    assert_eq!(numbers(&scene.browse(&session.cookie, "/").await.text), ["0", "0", "0"]);
}

#[tokio::test]
async fn old_open_escalation_is_shown_after_many_acknowledged_ones() {
    let scene = Scene::new().await;
    scene.fire(alert("Forgotten")).await;
    for n in 0..60 {
        scene.pass(1);
        let escalation = scene.fire(alert(&format!("Answered {n}"))).await;
        scene.post(&scene.link(&escalation, &scene.ada)).await;
    }
    let session = scene.sign_in().await;

    let text = scene.browse(&session.cookie, "/").await.text;

    assert_eq!(numbers(&text), ["1", "0", "0"]);
    assert!(text.contains("<bdi>Forgotten</bdi>"), "{text}");
    let listed = scene.ctx.store.list_escalations(scene.org, None, 100).await.unwrap();
    assert_eq!(listed.len(), 61, "the list of all has the answered ones too");
    assert!(listed.is_sorted_by(|a, b| a.id > b.id));
}

#[tokio::test]
async fn entries_of_a_stale_index_are_read_again() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    scene.database.set(Fault::StaleIndex);
    scene.post(&scene.link(&escalation, &scene.ada)).await;

    let text = scene.browse(&session.cookie, "/").await.text;

    let listed = scene.ctx.store.open_escalations(scene.org, 51).await.unwrap();
    assert_eq!(listed.len(), 1, "the index lags");
    assert_eq!(numbers(&text), ["0", "0", "0"]);
}

#[tokio::test]
async fn number_of_database_calls_does_not_grow_with_ended_escalations() {
    let scene = Scene::new().await;
    scene.fire(alert("Open")).await;
    let session = scene.sign_in().await;
    let mut asked = Vec::new();
    for n in 0..30 {
        if n % 29 == 0 {
            let before = scene.database.calls();
            scene.browse(&session.cookie, "/").await;
            asked.push(scene.database.calls() - before);
        }
        scene.pass(1);
        let escalation = scene.fire(alert(&format!("Answered {n}"))).await;
        scene.post(&scene.link(&escalation, &scene.ada)).await;
    }

    assert_eq!(asked[0], asked[1]);
    assert!(asked[0] <= 16, "{asked:?}");
}

#[tokio::test]
async fn database_failure_answers_503_and_warns_that_nothing_was_saved() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    let link = scene.link(&escalation, &scene.ada);
    let path = format!("/escalations/{}/acknowledge", escalation.id);
    scene.database.set(Fault::Unreachable);

    for seen in [
        scene.get(&link).await,
        scene.post(&link).await,
        scene.browse(&session.cookie, "/").await,
        scene.send(form(&path, &session.token, &[("cookie", &session.cookie)])).await,
    ] {
        assert_eq!((seen.status, seen.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
        assert!(seen.text.contains("Your action was probably not saved"), "{}", seen.text);
    }

    scene.database.set(Fault::None);
    assert_eq!(scene.escalation(&escalation).await.head().state(), EscalationState::Triggered);
}

#[tokio::test]
async fn at_most_fifty_escalations_are_shown_with_a_note() {
    let scene = Scene::new().await;
    for n in 0..52 {
        scene.pass(1);
        scene.fire(alert(&format!("Alert {n}"))).await;
    }
    let session = scene.sign_in().await;

    let text = scene.browse(&session.cookie, "/").await.text;

    assert_eq!(numbers(&text), ["50+", "0", "0"]);
    assert_eq!(text.matches("Acknowledge</button>").count(), 50);
    assert!(text.contains("<bdi>Alert 51</bdi>") && !text.contains("<bdi>Alert 1</bdi>"));
    assert!(text.contains("Only the newest 50 are shown."));
}

#[tokio::test]
async fn hostile_texts_are_shown_as_text() {
    let scene = Scene::new().await;
    let mut event = alert("<script>alert(1)</script>\u{202e}🔥\"'&");
    event.source_url = Some("javascript:alert(1)".to_owned());
    let escalation = scene.fire(event.clone()).await;
    scene.pass(1);
    scene.fire_unrouted(event).await;
    let session = scene.sign_in().await;

    for path in ["/", &format!("/?answered={}", escalation.id), "/?answered=<script>&paused=\"><script>"] {
        let path = path.replace('<', "%3C").replace('>', "%3E").replace('"', "%22");
        let text = scene.browse(&session.cookie, &path).await.text;
        assert_eq!(
            text.matches("<bdi>&lt;script&gt;alert(1)&lt;/script&gt;\u{202e}🔥&quot;").count(),
            2,
            "{path}"
        );
        let text = text.replacen(OUR_SCRIPT, "", 1);
        assert!(!text.contains("<script") && !text.contains("javascript:"), "{path}: {text}");
    }
}

#[tokio::test]
async fn dashboard_reloads_without_javascript_until_it_is_paused() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let refresh = r#"<meta http-equiv="refresh" content="15; url=/">"#;

    assert!(scene.browse(&session.cookie, "/").await.text.contains(refresh));
    assert!(!scene.browse(&session.cookie, "/?paused").await.text.contains("http-equiv"));
}

#[tokio::test]
async fn referrer_is_sent_to_our_own_pages_only() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;

    let seen = scene.browse(&session.cookie, "/").await;

    assert_eq!(seen.header("referrer-policy"), "same-origin");
    assert_eq!(seen.header("cache-control"), "no-store");
    assert!(seen.header("content-security-policy").contains("form-action 'self'"));
}

#[tokio::test]
async fn rejected_slack_token_is_shown_to_people_who_can_connect_slack() {
    let scene = Scene::new().await;
    let store = &scene.ctx.store;
    let before = store.org(scene.org).await.unwrap().unwrap();
    let refused = Refused { at: scene.ctx.now(), word: "token_revoked".to_owned() };
    let workspace = Workspace {
        team: "T0TESTS".parse().unwrap(),
        name: "<Acme>".to_owned(),
        bot: "U0BOT".parse().unwrap(),
        announcements: None,
        token: "sealed".to_owned(),
        connected_at: scene.ctx.now(),
        refused: Some(refused),
    };
    let org = Org { slack: Some(workspace), version: before.version + 1, ..before };
    let (kind, id) = (AuditKind::Organisation, AuditId::derived(scene.ctx.now(), "test"));
    let thing = AuditTarget::new(kind, org.id, &org.name);
    let entry = AuditEntry::by_system(org.id, "test", id, AuditAction::Updated, thing);
    store.commit(Commit::new().slack_refused(&org, &entry)).await.unwrap();
    scene.pass(60);

    let owner = scene.sign_in().await;
    let text = scene.browse(&owner.cookie, "/").await.text;
    let ada = scene.sign_in_as(&scene.ada).await;
    let others = scene.browse(&ada, "/").await.text;

    assert!(text.contains("<bdi>&lt;Acme&gt;</bdi>") && text.contains("token_revoked"), "{text}");
    assert!(text.contains(r#"href="/slack/install""#), "{text}");
    assert!(!others.contains("token_revoked"), "a responder cannot connect it: {others}");
}
