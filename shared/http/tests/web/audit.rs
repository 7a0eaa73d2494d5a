//! The audit log: shown to whoever may see it, with names for people.

use domain::Actor;
use domain::user::Role;
use http::StatusCode;

use crate::support::Scene;

#[tokio::test]
async fn owner_sees_who_changed_what_and_nobody_sees_a_secret() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let (ctx, by) = (&scene.ctx, Actor::person(scene.org, &scene.owner));
    let role = Role::Administrator;
    app::user::role::set(&ctx.store, &by, scene.ada.id, role, &ctx.random, ctx.now()).await.unwrap();

    let page = scene.browse(&session.cookie, "/audit").await;

    assert_eq!(page.status, StatusCode::OK);
    for part in ["user updated", "responder", "administrator", "Ada Oncall", "user signed in"] {
        assert!(page.text.contains(part), "no {part:?} in {}", page.text);
    }
    let sources = ctx.store.sources_after(scene.org, None, 10).await.unwrap();
    for source in sources {
        assert!(!page.text.contains(&source.secret), "a secret is told");
    }
}

#[tokio::test]
async fn audit_log_goes_on_where_its_page_ended() {
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
    assert!(second.contains("user created") && !second.contains("/audit?after="), "{second}");
}

#[tokio::test]
async fn responder_is_told_that_their_role_does_not_allow_it() {
    let scene = Scene::new().await;
    let cookie = scene.sign_in_as(&scene.ada).await;

    let page = scene.browse(&cookie, "/audit").await;

    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text.contains("Your role does not allow this"));
    assert!(!page.text.contains("user created"));
}

#[tokio::test]
async fn viewer_may_look_and_not_acknowledge() {
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
    assert!(seen.text.contains("respond to escalations and resolve alerts"));
    assert_eq!(scene.everything(&escalation).await, before);
}
