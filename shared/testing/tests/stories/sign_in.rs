//! Signing in by an emailed link: one link is sent to the address, and it works once.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::Actor;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::inbox::Provider;

use crate::stage::{calm, tell, with};

/// A browser's answer: the status, the cookie and the page.
async fn seen(bundle: &Bundle, request: Request<Body>) -> (StatusCode, String, String) {
    let response = bundle.request(request).await.expect("nothing is killed here");
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let cookie = parts.headers.get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
    let cookie = cookie.unwrap_or_default().split(';').next().unwrap_or_default().to_owned();
    (parts.status, cookie, String::from_utf8(bytes.to_vec()).unwrap())
}

/// Sends a form of the sign-in page.
async fn form(bundle: &Bundle, fields: &str) -> (StatusCode, String, String) {
    let request = Request::post("/sign-in").header("content-type", "application/x-www-form-urlencoded");
    seen(bundle, request.body(Body::from(fields.to_owned())).unwrap()).await
}

/// Looks at the first page with a cookie.
async fn first_page(bundle: &Bundle, cookie: &str) -> StatusCode {
    seen(bundle, Request::get("/").header("cookie", cookie).body(Body::empty()).unwrap()).await.0
}

/// The tokens of the links that were sent to an address.
fn tokens(bundle: &Bundle, address: &str) -> Vec<String> {
    let letters = bundle.inbox.letters().into_iter().filter(|letter| letter.address == address);
    letters.map(|letter| letter.button.1.split_once("token=").unwrap().1.to_owned()).collect()
}

#[test]
fn link_comes_by_mail_and_lets_in_once() {
    tell(|| async {
        let bundle = calm().await;

        let (known, _, said) = form(&bundle, "email=Ada%40example.com").await;
        let (unknown, _, said_of_nobody) = form(&bundle, "email=nobody%40example.com").await;
        bundle.pass(5).await;

        assert_eq!(
            (known, &said),
            (StatusCode::ACCEPTED, &said_of_nobody),
            "an address is told from another"
        );
        assert_eq!(known, unknown);
        assert_eq!(bundle.inbox.letters().len(), 1);
        let token = tokens(&bundle, "ada@example.com").remove(0);

        let (entered, cookie, _) = form(&bundle, &format!("token={token}")).await;
        let (again, no_cookie, _) = form(&bundle, &format!("token={token}")).await;

        assert_eq!(entered, StatusCode::SEE_OTHER);
        assert_eq!((again, no_cookie.as_str()), (StatusCode::GONE, ""));
        assert_eq!(first_page(&bundle, &cookie).await, StatusCode::OK);
        let log = bundle.calm.store.audit_log(bundle.org, None, 1, bundle.now()).await.unwrap();
        assert_eq!(log.entries[0].action, "user.signed_in");
    });
}

#[test]
fn of_many_who_use_a_link_at_once_one_gets_in() {
    tell(|| async {
        let bundle = calm().await;
        form(&bundle, "email=ada%40example.com").await;
        bundle.pass(5).await;
        let token = format!("token={}", tokens(&bundle, "ada@example.com").remove(0));

        let answers = futures_util::future::join_all((0..8).map(|_| form(&bundle, &token))).await;

        let entered = answers.iter().filter(|(status, ..)| *status == StatusCode::SEE_OTHER).count();
        assert_eq!(entered, 1, "{answers:?}");
    });
}

#[test]
fn link_comes_although_its_message_was_lost() {
    tell(|| async {
        let bundle = with(FaultPlan { lost: 1.0, ..FaultPlan::calm() }.losing(["notification-send"])).await;
        form(&bundle, "email=ada%40example.com").await;
        bundle.pass(10).await;
        assert!(bundle.inbox.letters().is_empty(), "the message was not lost");

        bundle.faults.end();
        bundle.pass(125).await;

        assert_eq!(tokens(&bundle, "ada@example.com").len(), 1);
    });
}

#[test]
fn link_comes_once_the_mail_server_is_back() {
    tell(|| async {
        let bundle = calm().await;
        bundle.inbox.provider(Provider { down: true, ..Provider::default() });
        form(&bundle, "email=ada%40example.com").await;
        bundle.pass(90).await;

        bundle.inbox.provider(Provider::default());
        bundle.pass(240).await;

        let tokens = tokens(&bundle, "ada@example.com");
        assert_eq!(tokens.len(), 1);
        assert_eq!(form(&bundle, &format!("token={}", tokens[0])).await.0, StatusCode::SEE_OTHER);
    });
}

#[test]
fn rough_day_sends_the_same_link_if_it_sends_two() {
    for seed in 0..4 {
        tell(|| async move {
            let bundle = Bundle::start(seed, FaultPlan::rough(), Provider::default()).await.unwrap();
            let mut asked = None;
            while asked != Some(StatusCode::ACCEPTED) {
                let request = Request::post("/sign-in")
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(Body::from("email=ada%40example.com"))
                    .unwrap();
                asked = bundle.request(request).await.map(|response| response.status());
            }
            bundle.faults.end();
            bundle.pass(300).await;

            let mut tokens = tokens(&bundle, "ada@example.com");
            assert!(!tokens.is_empty(), "seed {seed}: no link came");
            // A request without an answer may still have been stored.
            tokens.sort();
            tokens.dedup();
            for token in tokens {
                assert_eq!(form(&bundle, &format!("token={token}")).await.0, StatusCode::SEE_OTHER);
                assert_eq!(form(&bundle, &format!("token={token}")).await.0, StatusCode::GONE);
            }
        });
    }
}

#[test]
fn whoever_is_removed_is_signed_out_everywhere_at_once() {
    tell(|| async {
        let bundle = calm().await;
        form(&bundle, "email=ada%40example.com").await;
        form(&bundle, "email=ada%40example.com").await;
        bundle.pass(5).await;
        let tokens = tokens(&bundle, "ada@example.com");
        let (_, cookie, _) = form(&bundle, &format!("token={}", tokens[0])).await;
        assert_eq!(first_page(&bundle, &cookie).await, StatusCode::OK);

        let (store, random, now) = (&bundle.calm.store, &bundle.calm.random, bundle.now());
        let ada = store.person("ada@example.com").await.unwrap().unwrap().1;
        let by = Actor::system(bundle.org, "story");
        app::user::remove::remove(store, &by, ada, random, now).await.unwrap();

        assert_eq!(first_page(&bundle, &cookie).await, StatusCode::UNAUTHORIZED);
        let link = form(&bundle, &format!("token={}", tokens[1])).await;
        assert_eq!((link.0, link.1.as_str()), (StatusCode::GONE, ""), "a link outlived its person");
    });
}

#[test]
fn nobody_is_flooded_with_links_and_asking_on_says_nothing_of_it() {
    tell(|| async {
        let bundle = calm().await;
        for _ in 0..8 {
            assert_eq!(form(&bundle, "email=ada%40example.com").await.0, StatusCode::ACCEPTED);
        }
        bundle.pass(10).await;
        assert_eq!(tokens(&bundle, "ada@example.com").len(), 5);

        let mut refused = 0;
        for n in 0..40 {
            let (status, ..) = form(&bundle, &format!("email=nobody-{n}%40example.com")).await;
            refused += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
        }
        assert_eq!(refused, 18, "thirty links are asked for from one place, and no more");

        bundle.pass(15 * 60).await;
        assert_eq!(form(&bundle, "email=ada%40example.com").await.0, StatusCode::ACCEPTED);
        bundle.pass(10).await;
        assert_eq!(tokens(&bundle, "ada@example.com").len(), 6);
    });
}
