//! The pages of people and of API keys.

use domain::user::{Role, Urgency};
use http::StatusCode;

use crate::support::{OUR_SCRIPT, Scene, between};

#[tokio::test]
async fn person_is_added_gets_a_role_and_is_removed() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let store = &scene.ctx.store;
    let fields = [("name", " <b>Nora</b> "), ("email", "nora@example.com "), ("role", "viewer")];

    let added = scene.fill(&session, "/people", &fields).await;

    assert_eq!((added.status, added.header("location")), (StatusCode::SEE_OTHER, "/people?done=added"));
    let page = scene.look(&session, "/people?done=added").await;
    assert!(page.contains("&lt;b&gt;Nora&lt;/b&gt;") && page.contains("Person added."), "{page}");
    assert!(!page.replacen(OUR_SCRIPT, "", 1).contains("<script"));
    let (org, nora) = store.person("nora@example.com").await.unwrap().unwrap();
    assert_eq!(store.user(org, nora).await.unwrap().unwrap().role, Role::Viewer);

    let here = format!("/people/{nora}");
    let changed = scene.fill(&session, &format!("{here}/role"), &[("role", "administrator")]).await;
    assert_eq!(changed.header("location"), "/people?done=role");
    assert_eq!(store.user(org, nora).await.unwrap().unwrap().role, Role::Administrator);

    let removed = scene.fill(&session, &format!("{here}/remove"), &[]).await;
    assert_eq!(removed.header("location"), "/people?done=removed");
    assert_eq!(store.user(org, nora).await.unwrap(), None);
    let page = scene.look(&session, "/people").await;
    assert!(!page.contains("Nora"), "{page}");
}

#[tokio::test]
async fn refused_form_shows_the_error_and_keeps_its_values() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let owner = format!("/people/{}", scene.owner.id);

    for (path, fields, why) in [
        (
            "/people".to_owned(),
            vec![("name", "Kept"), ("email", "x"), ("role", "viewer")],
            "That is not a valid email address.",
        ),
        (
            "/people".to_owned(),
            vec![("name", "Kept"), ("email", "ada@example.com"), ("role", "viewer")],
            "Another user has this email address",
        ),
        (
            "/people".to_owned(),
            vec![("name", "Kept"), ("email", "k@example.com"), ("role", "king")],
            "The selected role does not exist.",
        ),
        (
            format!("{owner}/role"),
            vec![("role", "viewer")],
            "This is the only owner: make another person an owner first",
        ),
        (format!("{owner}/remove"), vec![], "This is the only owner: make another person an owner first"),
    ] {
        let seen = scene.fill(&session, &path, &fields).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {fields:?}");
        let said = between(&seen.text, "role=\"alert\">", "</p>");
        assert!(said.contains(why), "{said}");
        assert_eq!(path == "/people", seen.text.contains("value=\"Kept\""), "{path}");
    }
    let people = scene.ctx.store.users_after(scene.org, None, 9).await.unwrap();
    assert_eq!(people.len(), 3);
    assert_eq!(scene.ctx.store.user(scene.org, scene.owner.id).await.unwrap().unwrap().role, Role::Owner);
}

#[tokio::test]
async fn viewer_sees_no_forms_and_an_administrator_cannot_make_an_owner() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let ada = scene.enter(scene.org, scene.ada.id).await;

    let page = scene.look(&ada, "/people").await;
    assert!(page.contains("Grace Backup") && !page.contains("action=\"/people"), "{page}");
    assert!(!page.contains("/api-keys") && !page.contains("/audit"), "nor pages that they may not see");

    scene.fill(&session, &format!("/people/{}/role", scene.ada.id), &[("role", "administrator")]).await;
    let page = scene.look(&ada, "/people").await;
    assert!(page.contains("action=\"/people\"") && !page.contains("value=\"owner\""), "{page}");
    assert!(!page.contains(&format!("/people/{}/remove", scene.owner.id)), "{page}");
    for (path, role) in [(scene.grace.id, "owner"), (scene.owner.id, "viewer")] {
        let seen = scene.fill(&ada, &format!("/people/{path}/role"), &[("role", role)]).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN);
        assert!(seen.text.contains("add and remove owners"), "{}", seen.text);
    }
}

#[tokio::test]
async fn token_is_shown_once_has_the_selected_permissions_and_is_revoked() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let fields = [("name", "Deploys <i>"), ("comments", "From CI"), ("may-incident_creator", "on")];

    let made = scene.fill(&session, "/api-keys", &fields).await;

    assert_eq!((made.status, made.header("cache-control")), (StatusCode::OK, "no-store"));
    let token = between(&made.text, "<code class=\"token\">", "</code>");
    let holder = scene.ctx.store.key_holder(&domain::api_key::hash(&token)).await.unwrap().unwrap();
    assert_eq!((holder.org, holder.roles.len(), holder.roles[0].name()), (scene.org, 1, "incident_creator"));
    let live = made.text.split_once("id=\"list\"").unwrap().1.split_once("Create an API key").unwrap().0;
    assert!(!live.contains(&token), "what is renewed would take it away");
    let page = scene.look(&session, "/api-keys").await;
    assert!(
        page.contains("Deploys &lt;i&gt;") && page.contains("From CI") && !page.contains(&token),
        "{page}"
    );
    assert!(page.contains("Olive Owner"), "who made it");

    let revoked = scene.fill(&session, &format!("/api-keys/{}/revoke", holder.id), &[]).await;
    assert_eq!(revoked.header("location"), "/api-keys?done=revoked");
    assert_eq!(scene.ctx.store.key_holder(&domain::api_key::hash(&token)).await.unwrap(), None);
}

#[tokio::test]
async fn refused_key_keeps_the_form_and_nobody_grants_permissions_they_lack() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let ada = scene.enter(scene.org, scene.ada.id).await;
    scene.fill(&session, &format!("/people/{}/role", scene.ada.id), &[("role", "administrator")]).await;
    let before = scene.ctx.store.api_keys_after(scene.org, None, 9).await.unwrap();

    for (fields, why) in [
        (vec![("name", "Kept")], "Select at least one permission."),
        (vec![("name", "Kept"), ("may-king", "on")], "is not a role for API keys"),
        (vec![("comments", "Kept"), ("may-viewer", "on")], "The name must have 1 to 100 bytes."),
    ] {
        let seen = scene.fill(&session, "/api-keys", &fields).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        let said = between(&seen.text, "role=\"alert\">", "</p>");
        assert!(said.contains(why) && seen.text.contains("value=\"Kept\""), "{said}");
    }
    let page = scene.look(&ada, "/api-keys").await;
    assert!(page.contains("may-viewer") && !page.contains("may-security_settings_editor"), "{page}");
    let fields = [("name", "More"), ("may-security_settings_editor", "on")];
    let seen = scene.fill(&ada, "/api-keys", &fields).await;
    assert_eq!(seen.status, StatusCode::FORBIDDEN, "{}", seen.text);
    assert_eq!(scene.ctx.store.api_keys_after(scene.org, None, 9).await.unwrap(), before);
}

#[tokio::test]
async fn webhook_is_added_and_its_secret_is_shown_once() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let here = format!("/people/{}", scene.ada.id);
    let people = scene.look(&session, "/people").await;
    assert!(people.contains(&format!("href=\"{here}\"")), "{people}");
    let fields = [("channel", "webhook"), ("address", " https://93.184.216.34/page?a=1&b=2 ")];

    let added = scene.fill(&session, &format!("{here}/methods"), &fields).await;

    assert_eq!((added.status, added.header("cache-control")), (StatusCode::OK, "no-store"));
    let secret = between(&added.text, "<code class=\"token\">", "</code>");
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert!(added.text.contains("a=1&amp;b=2"), "{}", added.text);
    let user = scene.ctx.store.user(scene.org, scene.ada.id).await.unwrap().unwrap();
    assert_eq!(user.methods[1].address, "https://93.184.216.34/page?a=1&b=2");
    let page = scene.look(&session, &here).await;
    assert!(!page.contains(&secret) && page.contains("93.184.216.34"), "{page}");
    let webhook = between(&page, "93.184.216.34", "</li></ul>");
    assert!(
        webhook.contains("High urgency: not used") && webhook.contains("Low urgency: immediately"),
        "{webhook}"
    );
    let listed = between(&page, "id=\"rule-list\"", "</section>");
    assert!(listed.contains("Immediately: Email to ada@example.com"), "{listed}");
}

#[tokio::test]
async fn refused_method_shows_the_error_and_keeps_its_values() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let path = format!("/people/{}/methods", scene.ada.id);

    for (channel, address, why) in [
        ("email", "kept", "That is not a valid email address."),
        ("pigeon", "kept", "Select a method."),
        ("slack", "U012AB3CD", "Select a method."),
        ("webhook", "http://kept.example.com/", "https"),
        ("webhook", "https://127.0.0.1/kept", "The URL points to a private network address."),
    ] {
        let seen = scene.fill(&session, &path, &[("channel", channel), ("address", address)]).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{channel} {address}");
        let said = between(&seen.text, "role=\"alert\">", "</p>");
        assert!(said.to_lowercase().contains(&why.to_lowercase()), "{said}");
        assert!(seen.text.contains(&format!("value=\"{address}\"")), "{}", seen.text);
    }
    let user = scene.ctx.store.user(scene.org, scene.ada.id).await.unwrap().unwrap();
    assert_eq!(user.methods, scene.ada.methods);
}

#[tokio::test]
async fn people_change_their_own_methods_and_see_no_addresses_of_others() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let ada = scene.enter(scene.org, scene.ada.id).await;
    let of = |user: &domain::user::User| format!("/people/{}", user.id);
    let fields = [("channel", "email"), ("address", "hidden@example.net")];
    let added = scene.fill(&session, &format!("{}/methods", of(&scene.grace)), &fields).await;
    assert_eq!(added.status, StatusCode::OK);

    let page = scene.look(&ada, &of(&scene.grace)).await;
    assert!(!page.contains("hidden@example.net") && page.contains("hidden address"), "{page}");
    assert!(!page.contains("/methods\""), "{page}");

    let page = scene.look(&ada, &of(&scene.ada)).await;
    assert!(page.contains("/methods\""), "{page}");
    let own = scene.fill(&ada, &format!("{}/methods", of(&scene.ada)), &fields).await;
    assert_eq!(own.status, StatusCode::OK, "{}", own.text);
    assert!(own.text.contains("hidden@example.net"), "{}", own.text);
    let after = scene.fill(&ada, &format!("{}/methods", of(&scene.grace)), &fields).await;
    assert_eq!(after.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn person_sets_rules_and_removes_all_methods_but_the_last() {
    let scene = Scene::new().await;
    let ada = scene.enter(scene.org, scene.ada.id).await;
    let here = format!("/people/{}", scene.ada.id);
    let other = [("channel", "email"), ("address", "second@example.com")];
    scene.fill(&ada, &format!("{here}/methods"), &other).await;
    let user = async || scene.ctx.store.user(scene.org, scene.ada.id).await.unwrap().unwrap();
    let [first, second] = user().await.methods.try_into().unwrap();
    let (known, added) = (first.id.to_string(), second.id.to_string());
    let set = async |method: &str, high: &str, low: &str| {
        let fields = [("method", method), ("high", high), ("low", low)];
        scene.fill(&ada, &format!("{here}/methods/use"), &fields).await
    };

    assert_eq!(set(&added, "300", "0").await.status, StatusCode::SEE_OTHER);
    let used = |user: &domain::user::User, urgency| {
        user.reached_by(urgency).into_iter().map(|(at, method)| (at, method.id)).collect::<Vec<_>>()
    };
    assert_eq!(used(&user().await, Urgency::High), [(0, first.id), (300, second.id)]);
    assert_eq!(used(&user().await, Urgency::Low), [(0, first.id), (0, second.id)]);
    let page = scene.look(&ada, &here).await;
    assert!(page.contains("<option value=\"300\" selected>After 5 min</option>"), "{page}");

    assert_eq!(set(&known, "", "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(used(&user().await, Urgency::High), [(300, second.id)]);
    let never = set(&added, "", "").await;
    assert_eq!(never.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        never.text.contains("No other notification method is used for this urgency: set one first."),
        "{}",
        never.text
    );

    let remove =
        async |method: &str| scene.fill(&ada, &format!("{here}/methods/remove"), &[("method", method)]).await;
    assert_eq!(remove(&added).await.status, StatusCode::SEE_OTHER);
    assert_eq!(used(&user().await, Urgency::High), [(0, first.id)], "no rule is left: it is used at once");
    let last = remove(&known).await;
    assert_eq!(last.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        last.text.contains("This is the only notification method: add another one first."),
        "{}",
        last.text
    );
    let grace = format!("/people/{}/methods/remove", scene.grace.id);
    let theirs = scene.grace.methods[0].id.to_string();
    assert_eq!(scene.fill(&ada, &grace, &[("method", &theirs)]).await.status, StatusCode::FORBIDDEN);
}
