//! Sessions and the protection of forms.

use domain::escalation::EscalationState;
use http::{Method, StatusCode};
use machine::Stateful;

use crate::support::{Scene, alert, form};

#[tokio::test]
async fn signed_out_person_sees_only_how_to_sign_in() {
    let scene = Scene::new().await;
    scene.fire(alert("Disk full")).await;

    for path in ["/", "/?answered=x"] {
        let seen = scene.get(path).await;
        assert_eq!(seen.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(seen.text.contains("prints a sign-in link each time it starts"));
        assert!(!seen.text.contains("Disk full"));
    }
}

#[tokio::test]
async fn opening_a_sign_in_link_signs_nobody_in() {
    let scene = Scene::new().await;

    for method in [Method::GET, Method::HEAD] {
        let seen = scene.ask(method, &scene.sign_in_link().await).await;
        assert_eq!((seen.status, seen.header("set-cookie")), (StatusCode::OK, ""));
        assert_eq!(seen.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn session_cookie_is_not_readable_by_scripts_and_other_sites() {
    for (public_url, name, secure) in
        [("http://firebell.test", "firebell=", false), ("https://firebell.test", "__Host-firebell=", true)]
    {
        let scene = Scene::at(public_url).await;
        let link = scene.sign_in_link().await;

        let seen = scene.send(form("/sign-in", link.split_once("token=").unwrap().1, &[])).await;

        let cookie = seen.header("set-cookie");
        assert_eq!((seen.status, seen.header("location")), (StatusCode::SEE_OTHER, "/"));
        assert!(cookie.starts_with(name), "{cookie}");
        for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}

#[tokio::test]
async fn invalid_or_expired_link_signs_nobody_in() {
    let scene = Scene::new().await;
    let link = scene.sign_in_link().await;
    let token = link.split_once("token=").unwrap().1.to_owned();
    let another = token.replacen('0', "1", 1);

    for forged in [&*another, &token[1..], "", "x", "a.b.c"] {
        let seen = scene.send(form("/sign-in", forged, &[])).await;
        assert_eq!((seen.status, seen.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{forged}");
    }
    scene.pass(15 * 60);
    let seen = scene.send(form("/sign-in", &token, &[])).await;

    assert_eq!((seen.status, seen.header("set-cookie")), (StatusCode::GONE, ""));
    assert_eq!(scene.get(&link).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn acknowledge_link_signs_nobody_in() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let link = scene.link(&escalation, &scene.owner);
    let token = link.strip_prefix("/acknowledge/").unwrap();

    let seen = scene.send(form("/sign-in", token, &[])).await;

    assert_eq!((seen.status, seen.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
    assert_eq!(scene.browse(&format!("firebell={token}"), "/").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn session_ends_after_twelve_hours_and_cannot_be_forged() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let made_up = format!("firebell={}", "A".repeat(43));

    assert_eq!(scene.browse(&session.cookie, "/").await.status, StatusCode::OK);
    assert_eq!(scene.browse(&made_up, "/").await.status, StatusCode::UNAUTHORIZED);
    let planted = format!("firebell=planted; {}", session.cookie);
    assert_eq!(scene.browse(&planted, "/").await.status, StatusCode::OK);
    scene.pass(12 * 3600);

    assert_eq!(scene.browse(&session.cookie, "/").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn form_from_another_site_is_refused() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    let path = format!("/escalations/{}/acknowledge", escalation.id);
    let before = scene.everything(&escalation).await;

    for (case, headers) in [
        ("another site", &[("sec-fetch-site", "cross-site"), ("origin", "http://firebell.test")][..]),
        ("another port of this host", &[("sec-fetch-site", "same-site")][..]),
        ("another origin", &[("origin", "http://evil.test")][..]),
        ("another port, by its origin", &[("origin", "http://firebell.test:9")][..]),
        ("an origin that is kept secret", &[("origin", "null")][..]),
    ] {
        let mut headers = headers.to_vec();
        headers.push(("cookie", &session.cookie));
        let seen = scene.send(form(&path, &session.token, &headers)).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "{case}");
    }
    let without_cookie = scene.send(form(&path, &session.token, &[])).await;
    assert_eq!(without_cookie.status, StatusCode::UNAUTHORIZED);

    assert_eq!(scene.everything(&escalation).await, before);
}

#[tokio::test]
async fn form_without_the_token_of_its_session_is_refused() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let (session, other) = (scene.sign_in().await, scene.sign_in().await);
    let path = format!("/escalations/{}/acknowledge", escalation.id);
    let before = scene.everything(&escalation).await;
    let headers = [("cookie", &*session.cookie), ("sec-fetch-site", "same-origin")];

    for token in ["", "x", &*other.token, &session.token[1..]] {
        let seen = scene.send(form(&path, token, &headers)).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "{token}");
    }
    let mut no_form = form(&path, &session.token, &headers);
    no_form.headers_mut().remove("content-type");
    assert_eq!(scene.send(no_form).await.status, StatusCode::FORBIDDEN);

    assert_eq!(scene.everything(&escalation).await, before);
    assert_eq!(scene.escalation(&escalation).await.head().state(), EscalationState::Triggered);
}

#[tokio::test]
async fn sign_out_removes_the_cookie_and_needs_the_form_token() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let headers = [("cookie", &*session.cookie)];

    let refused = scene.send(form("/sign-out", "x", &headers)).await;
    let taken = scene.send(form("/sign-out", &session.token, &headers)).await;

    assert_eq!((refused.status, refused.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
    assert_eq!(taken.status, StatusCode::SEE_OTHER);
    assert!(taken.header("set-cookie").starts_with("firebell=; Path=/; Max-Age=0;"));
    // A copy of the cookie is worthless.
    assert_eq!(scene.browse(&session.cookie, "/").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sign_in_link_works_once_and_opening_it_does_not_use_it() {
    let scene = Scene::new().await;
    let link = scene.sign_in_link().await;
    let token = link.split_once("token=").unwrap().1;

    assert_eq!(scene.get(&link).await.status, StatusCode::OK);
    assert_eq!(scene.send(form("/sign-in", token, &[])).await.status, StatusCode::SEE_OTHER);
    let again = scene.send(form("/sign-in", token, &[])).await;

    assert_eq!((again.status, again.header("set-cookie")), (StatusCode::GONE, ""));
    assert!(again.text.contains("This link was already used"));
    assert_eq!(scene.get(&link).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn form_of_another_site_signs_nobody_in() {
    let scene = Scene::new().await;
    let link = scene.sign_in_link().await;
    let token = link.split_once("token=").unwrap().1;

    let seen = scene.send(form("/sign-in", token, &[("sec-fetch-site", "cross-site")])).await;

    assert_eq!((seen.status, seen.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
    assert_eq!(scene.send(form("/sign-in", token, &[])).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn sign_in_page_gives_the_same_answer_for_every_address() {
    let scene = Scene::new().await;
    let page = scene.get("/sign-in").await;
    assert_eq!((page.status, page.header("referrer-policy")), (StatusCode::OK, "same-origin"));
    assert!(page.text.contains(r#"type="email""#));

    let mut said = Vec::new();
    for email in ["ada%40example.com", "nobody%40example.com", "nonsense", ""] {
        let request =
            http::Request::post("/sign-in").header("content-type", "application/x-www-form-urlencoded");
        let seen = scene.send(request.body(format!("email={email}").into()).unwrap()).await;
        assert_eq!(seen.status, StatusCode::ACCEPTED, "{email}");
        said.push(seen.text);
    }
    said.dedup();
    assert_eq!(said.len(), 1, "known and unknown addresses get different answers");
}
