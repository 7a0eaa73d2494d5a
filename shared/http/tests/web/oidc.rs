//! Sign-in with a provider: a test provider on loopback that can send every kind of invalid answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use app::oidc::{Oidc, Settings};
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::support::{Scene, Seen};

/// What the provider does, and what it was asked.
struct Provider {
    issuer: String,
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// What its token says beside or instead of what it should.
    lies: Value,
    /// The codes that it gave, each with its challenge and nonce.
    codes: BTreeMap<String, (String, String)>,
    now: i64,
}

type Shared = Arc<Mutex<Provider>>;

/// A provider that serves on loopback, for as long as the test runs.
async fn provider(now: i64) -> Shared {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let provider = Provider { issuer, key, random, lies: json!({}), codes: BTreeMap::new(), now };
    let provider = Arc::new(Mutex::new(provider));
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(describe))
        .route("/keys", get(keys))
        .route("/token", post(token))
        .with_state(provider.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    provider
}

async fn describe(State(provider): State<Shared>) -> Json<Value> {
    let issuer = provider.lock().unwrap().issuer.clone();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
    }))
}

async fn keys(State(provider): State<Shared>) -> Json<Value> {
    let provider = provider.lock().unwrap();
    let point = provider.key.public_key().as_ref();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = json!({
        "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "x": part(&point[1..33]), "y": part(&point[33..]),
    });
    Json(json!({ "keys": [key] }))
}

async fn token(
    State(provider): State<Shared>,
    headers: http::HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    let mut provider = provider.lock().unwrap();
    let basic = format!("Basic {}", STANDARD.encode("firebell:a%20secret"));
    let known = headers.get("authorization").is_some_and(|value| value == basic.as_str());
    let (challenge, nonce) = provider.codes.remove(&form["code"]).ok_or(StatusCode::BAD_REQUEST)?;
    let verified = URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes())) == challenge;
    let right = form["grant_type"] == "authorization_code"
        && form["redirect_uri"] == "http://firebell.test/sign-in/oidc/callback";
    if !known || !verified || !right {
        return Err(StatusCode::BAD_REQUEST);
    }
    let mut claims = json!({
        "iss": provider.issuer, "aud": "firebell", "sub": "1", "exp": provider.now + 300, "iat": provider.now,
        "nonce": nonce, "email": "Ada@example.com", "email_verified": true,
    });
    for (name, value) in provider.lies.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(json!({ "alg": "ES256", "kid": "one" })), part(claims));
    let signature = provider.key.sign(&provider.random, message.as_bytes()).unwrap();
    let id_token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    Ok(Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token })))
}

/// A scene whose people may sign in with a provider.
async fn scene() -> (Scene, Shared) {
    let mut scene = Scene::new().await;
    let provider = provider(scene.ctx.now().as_second()).await;
    let issuer = provider.lock().unwrap().issuer.clone();
    let settings = Settings { issuer, client_id: "firebell".to_owned(), client_secret: "a secret".into() };
    scene.provide(Oidc::new(settings));
    (scene, provider)
}

/// A browser that was sent to the provider.
struct SentToProvider {
    cookie: String,
    query: BTreeMap<String, String>,
}

/// Leaves for the provider.
async fn leave(scene: &Scene) -> SentToProvider {
    let seen = scene.get("/sign-in/oidc").await;
    assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
    let cookie = seen.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(
        seen.header("set-cookie").contains("SameSite=Lax") && seen.header("set-cookie").contains("HttpOnly")
    );
    let (_, query) = seen.header("location").split_once("/authorize?").unwrap();
    let query = query.split('&').map(|pair| pair.split_once('=').unwrap());
    SentToProvider { cookie, query: query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
}

impl SentToProvider {
    /// Somebody is known at the provider, which gives a code.
    fn code(&self, provider: &Shared, code: &str) -> String {
        let said = (self.query["code_challenge"].clone(), self.query["nonce"].clone());
        provider.lock().unwrap().codes.insert(code.to_owned(), said);
        format!("/sign-in/oidc/callback?state={}&code={code}", self.query["state"])
    }
}

/// The session's cookie of an answer, if it gives one.
fn session(seen: &Seen) -> Option<String> {
    let cookies = seen.headers.get_all("set-cookie").into_iter().map(|cookie| cookie.to_str().unwrap());
    let mut sessions =
        cookies.filter(|cookie| cookie.starts_with("firebell=") && !cookie.starts_with("firebell=;"));
    sessions.next().map(|cookie| cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn person_with_a_verified_address_is_signed_in() {
    let (scene, provider) = scene().await;
    assert!(scene.get("/sign-in").await.text.contains("href=\"/sign-in/oidc\""));

    let away = leave(&scene).await;
    let query = &away.query;
    assert_eq!((&*query["response_type"], &*query["code_challenge_method"]), ("code", "S256"));
    assert_eq!((&*query["client_id"], &*query["scope"]), ("firebell", "openid%20email"));
    let back = away.code(&provider, "c1");
    let seen = scene.browse(&away.cookie, &back).await;

    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    let cookie = session(&seen).expect("a session");
    let page = scene.browse(&cookie, "/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Ada Oncall"));
    let again = scene.browse(&away.cookie, &back).await;
    assert_eq!((again.status, session(&again)), (StatusCode::FORBIDDEN, None), "a code was good twice");
}

#[tokio::test]
async fn callback_of_another_browser_signs_nobody_in() {
    let (scene, provider) = scene().await;
    let (mine, theirs) = (leave(&scene).await, leave(&scene).await);
    let late = leave(&scene).await;

    for (case, cookie, path) in [
        ("no cookie", "x=y", mine.code(&provider, "c1")),
        ("another browser's answer", &*mine.cookie, theirs.code(&provider, "c2")),
        ("a cookie that was changed", &*mine.cookie.replacen('A', "B", 1), mine.code(&provider, "c3")),
        ("no state", &*mine.cookie, "/sign-in/oidc/callback?code=c1".to_owned()),
        (
            "no code",
            &*mine.cookie,
            format!("/sign-in/oidc/callback?state={}&error=denied", mine.query["state"]),
        ),
        (
            "a code that is none",
            &*mine.cookie,
            format!("/sign-in/oidc/callback?state={}&code=x", mine.query["state"]),
        ),
    ] {
        // What has no `A` cannot be changed so.
        if case == "a cookie that was changed" && cookie == mine.cookie {
            continue;
        }
        let seen = scene.browse(cookie, &path).await;
        assert_eq!((seen.status, session(&seen)), (StatusCode::FORBIDDEN, None), "{case}");
    }
    let path = late.code(&provider, "c9");
    scene.pass(601);
    assert_eq!(scene.browse(&late.cookie, &path).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn invalid_answer_of_the_provider_signs_nobody_in() {
    let (scene, provider) = scene().await;
    for (n, lie) in [
        json!({ "email_verified": false }),
        json!({ "email_verified": null }),
        json!({ "email": "nobody@example.com" }),
        json!({ "email": null }),
        json!({ "aud": "another" }),
        json!({ "iss": "http://127.0.0.1:1" }),
        json!({ "nonce": "another" }),
        json!({ "exp": 1 }),
    ]
    .into_iter()
    .enumerate()
    {
        let away = leave(&scene).await;
        provider.lock().unwrap().lies = lie.clone();
        let seen = scene.browse(&away.cookie, &away.code(&provider, &format!("c{n}"))).await;
        assert_eq!((seen.status, session(&seen)), (StatusCode::FORBIDDEN, None), "{lie}");
    }

    // Signed with another key than the one that it has published under this name.
    let away = leave(&scene).await;
    provider.lock().unwrap().lies = json!({});
    let path = away.code(&provider, "last");
    assert_eq!(scene.browse(&away.cookie, &path).await.status, StatusCode::OK);
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let other =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
    provider.lock().unwrap().key = other;
    let away = leave(&scene).await;
    let seen = scene.browse(&away.cookie, &away.code(&provider, "forged")).await;
    assert_eq!((seen.status, session(&seen)), (StatusCode::FORBIDDEN, None));
}

#[tokio::test]
async fn installation_without_a_provider_answers_404() {
    let scene = Scene::new().await;

    assert!(!scene.get("/sign-in").await.text.contains("/sign-in/oidc"));
    for path in ["/sign-in/oidc", "/sign-in/oidc/callback?state=x&code=y"] {
        assert_eq!(scene.get(path).await.status, StatusCode::NOT_FOUND);
    }
}
