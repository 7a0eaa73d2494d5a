//! The audit log: who may see it, and the names that it shows.

use domain::Actor;
use domain::user::Role;
use http::StatusCode;

use crate::support::Scene;

#[tokio::test]
async fn owner_sees_changes_without_secrets() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let (ctx, by) = (&scene.ctx, Actor::person(scene.org, &scene.owner));
    let role = Role::Administrator;
    app::user::role::set(&ctx.store, &by, scene.ada.id, role, &ctx.random, ctx.now()).await.unwrap();

    let page = scene.browse(&session.cookie, "/audit").await;

    assert_eq!(page.status, StatusCode::OK);
    for part in ["User updated", "responder", "administrator", "Ada Oncall", "User signed in"] {
        assert!(page.text.contains(part), "no {part:?} in {}", page.text);
    }
    let sources = ctx.store.sources_after(scene.org, None, 10).await.unwrap();
    for source in sources {
        assert!(!page.text.contains(&source.secret), "a secret is shown");
    }
}

#[tokio::test]
async fn second_page_continues_the_audit_log() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let (ctx, by) = (&scene.ctx, Actor::person(scene.org, &scene.owner));
    for n in 0..60 {
        scene.pass(24 * 60);
        let role = if n % 2 == 0 { Role::Viewer } else { Role::Responder };
        app::user::role::set(&ctx.store, &by, scene.ada.id, role, &ctx.random, ctx.now()).await.unwrap();
    }
    let session = if scene.browse(&session.cookie, "/audit").await.status == StatusCode::OK {
        session
    } else {
        scene.sign_in().await
    };

    let first = scene.browse(&session.cookie, "/audit").await.text;
    let older = first.split("/audit?after=").nth(1).unwrap().split('"').next().unwrap();
    let second = scene.browse(&session.cookie, &format!("/audit?after={older}")).await.text;

    assert_eq!(first.matches("<li><h2").count(), 50);
    assert!(second.contains("User created") && !second.contains("/audit?after="), "{second}");
}

#[tokio::test]
async fn responder_may_not_see_the_audit_log() {
    let scene = Scene::new().await;
    let cookie = scene.sign_in_as(&scene.ada).await;

    let page = scene.browse(&cookie, "/audit").await;

    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text.contains("You do not have permission"));
    assert!(!page.text.contains("User created"));
}

#[tokio::test]
async fn viewer_may_see_but_not_acknowledge() {
    let scene = Scene::new().await;
    let escalation = scene.fire(crate::support::alert("Disk full")).await;
    let (ctx, by) = (&scene.ctx, Actor::person(scene.org, &scene.owner));
    let cookie = scene.sign_in_as(&scene.ada).await;
    app::user::role::set(&ctx.store, &by, scene.ada.id, Role::Viewer, &ctx.random, ctx.now()).await.unwrap();
    let page = scene.browse(&cookie, "/").await;
    assert_eq!(page.status, StatusCode::OK, "a changed role ended the session");
    let token = page.text.split(r#"name="token" value=""#).nth(1).unwrap().split('"').next().unwrap();
    let before = scene.everything(&escalation).await;

    let path = format!("/escalations/{}/acknowledge", escalation.id);
    let seen = scene.send(crate::support::form(&path, token, &[("cookie", &cookie)])).await;

    assert_eq!(seen.status, StatusCode::FORBIDDEN);
    assert!(seen.text.contains("acknowledge and cancel escalations, and resolve alerts"));
    assert_eq!(scene.everything(&escalation).await, before);
}
