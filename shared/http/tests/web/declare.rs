//! Declaring an incident.

use std::collections::BTreeMap;

use domain::escalation::EscalationState;
use domain::incident::{IncidentState, RoleKind};
use http::{Method, StatusCode};
use machine::Stateful;

use crate::support::{Scene, between};

#[tokio::test]
async fn declared_incident_has_all_selected_values_and_starts_an_escalation() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let form = scene.look(&session, "/incidents/new").await;
    let key = form.split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let choices = scene.ctx.store.incident_choices(scene.org).await.unwrap();
    let critical = choices.severities.iter().find(|one| one.what.name == "Critical").unwrap().id.to_string();
    let lead = scene.grace.id.to_string();
    let page = form.split("value=\"path-").nth(1).unwrap().split('"').next().unwrap();
    let page = format!("path-{page}");
    let fields = [
        ("name", "  Checkout fails  "),
        ("summary", "Nobody can pay."),
        ("severity", &*critical),
        ("lead", &*lead),
        ("page", &*page),
        ("key", &*key),
    ];

    let seen = scene.fill(&session, "/incidents/new", &fields).await;
    let again = scene.fill(&session, "/incidents/new", &fields).await;

    assert_eq!((seen.status, seen.header("location")), (StatusCode::SEE_OTHER, "/incidents/1?done=declared"));
    assert_eq!(again.header("location"), "/incidents/1?done=declared", "pressed twice, declared once");
    let listed = scene.ctx.store.list_incidents_by(scene.org, store::Order::Newest, None, 9).await.unwrap();
    assert_eq!(listed.len(), 1);
    let incident = scene.ctx.store.incident(scene.org, listed[0].id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((&*incident.title, incident.summary.as_deref()), ("Checkout fails", Some("Nobody can pay.")));
    assert_eq!(incident.head().state(), IncidentState::Active);
    assert_eq!(incident.creator.user(), Some(scene.owner.id));
    let role = |kind| choices.roles.iter().find(|role| role.what.kind == kind).unwrap().id;
    let roles = [(role(RoleKind::Lead), scene.grace.id), (role(RoleKind::Reporter), scene.owner.id)];
    assert_eq!(incident.roles, BTreeMap::from(roles), "the person who declares an incident is its reporter");
    let escalations = scene.ctx.store.open_escalations(scene.org, 9).await.unwrap();
    assert_eq!(escalations.len(), 1, "and paged once");
    let page = scene.look(&session, "/incidents/1").await;
    assert!(page.contains("Level 1 notified") && page.contains("Acknowledge</button>"), "{page}");

    let path = format!("/escalations/{}/acknowledge", escalations[0].id);
    let pressed = scene.fill(&session, &path, &[("back", "/incidents/1")]).await;
    assert!(
        pressed.header("location").starts_with("/incidents/1?answered="),
        "{}",
        pressed.header("location")
    );
    let id = escalations[0].id.parse().unwrap();
    let after = scene.ctx.store.escalation(scene.org, id).await.unwrap().unwrap();
    assert_eq!(after.head().state(), EscalationState::Acked);
}

#[tokio::test]
async fn refused_declaration_keeps_the_form_and_creates_nothing() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let unknown = domain::id::UserId::new(scene.ctx.now(), 9).to_string();
    let nobody = format!("user-{unknown}");

    for (fields, why) in [
        (vec![("name", " "), ("summary", "Kept"), ("key", "k")], "A name is required."),
        (vec![("name", "x"), ("summary", "Kept")], "This form is incomplete. Open it again."),
        (
            vec![("name", "x"), ("summary", "Kept"), ("severity", "x"), ("key", "k")],
            "The selected severity does not exist. Select another one.",
        ),
        (
            vec![("name", "x"), ("summary", "Kept"), ("page", "boss"), ("key", "k")],
            "The selected escalation path or person does not exist. Select another one.",
        ),
        (vec![("name", "x"), ("summary", "Kept"), ("lead", &unknown), ("key", "k")], "There is no"),
    ] {
        let seen = scene.fill(&session, "/incidents/new", &fields).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        let said = between(&seen.text, "role=\"alert\">", "</p>");
        assert!(said.contains(why), "{said}");
        assert!(seen.text.contains("Kept</textarea>"), "{}", seen.text);
    }
    let listed = scene.ctx.store.list_incidents_by(scene.org, store::Order::Newest, None, 9).await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");

    // The incident is opened before it is found that nobody is called so: the form says it, and sent again it pages.
    let fields = [("name", "x"), ("page", &*nobody), ("key", "k")];
    let seen = scene.fill(&session, "/incidents/new", &fields).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    let path = format!("user-{}", scene.ada.id);
    let seen = scene.fill(&session, "/incidents/new", &[("name", "x"), ("page", &path), ("key", "k")]).await;
    assert_eq!(seen.header("location"), "/incidents/1?done=declared");
    assert_eq!(scene.ctx.store.open_escalations(scene.org, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn form_above_the_size_limit_is_refused() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let long = "x".repeat(20_000);

    let seen = scene.fill(&session, "/incidents/new", &[("name", &long), ("key", "k")]).await;

    assert_eq!(seen.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(seen.text.contains("Nothing was changed."));
    assert_eq!(scene.ask(Method::GET, "/incidents/new").await.status, StatusCode::UNAUTHORIZED);
}
