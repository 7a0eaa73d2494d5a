//! Bad requests: each row is a story.

use machine::{State, Stateful};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::sender::{Alert, delivery, request, shown};

use crate::stage::{calm, ledger, paged, tell, with};

/// The expected answer to a request.
async fn answer(bundle: &Bundle, secret: Option<&str>, body: &str) -> (u16, Value) {
    shown(bundle.request(request(bundle.source(), secret, body.to_owned())).await.unwrap()).await
}

#[test]
fn missing_and_wrong_secrets_are_401_and_nothing_is_written() {
    tell(|| async {
        let bundle = calm().await;
        let body = delivery(&[Alert::now(&bundle, "fire")]).to_string();
        let wrong = format!("{}x", bundle.demo.secret.expose_secret());

        let (missing, said) = answer(&bundle, None, &body).await;
        assert_eq!(said["errors"][0]["code"], "missing_authorization_material");
        let (forged, said) = answer(&bundle, Some(&wrong), &body).await;
        bundle.pass(10).await;

        assert_eq!((missing, forged), (401, 401));
        assert_eq!(said["type"], "authentication_error");
        assert!(ledger(&bundle).await.keys.is_empty());
    });
}

#[test]
fn what_is_not_json_is_400_with_a_reason_and_the_source_shows_it() {
    tell(|| async {
        let bundle = calm().await;

        let (status, said) = bundle.deliver_raw("this is not JSON").await;
        bundle.pass(10).await;

        assert_eq!(status, 400);
        assert!(said["errors"][0]["message"].as_str().unwrap().contains("JSON"), "{said}");
        let source = bundle.calm.store.source(bundle.org, bundle.source()).await.unwrap().unwrap();
        assert!(source.last_error.unwrap().reason.contains("JSON"));
    });
}

#[test]
fn partly_unreadable_delivery_is_202_its_good_alerts_page_and_the_bad_ones_are_one_alert() {
    tell(|| async {
        let bundle = calm().await;
        let good = delivery(&[Alert::now(&bundle, "good")])["alerts"][0].to_string();
        let body = format!(r#"{{"version":"4","alerts":[{good},17,{{}}]}}"#);

        let (status, _) = bundle.deliver_raw(body).await;
        bundle.pass(10).await;

        assert_eq!(status, 202);
        let mut titles: Vec<_> = ledger(&bundle).await.alerts.into_iter().map(|alert| alert.title).collect();
        titles.sort();
        assert_eq!(titles.len(), 2, "{titles:?}");
        assert!(
            titles.iter().any(|title| title.contains("2 events from") && title.contains("could not be read"))
        );
        assert_eq!(paged(&bundle).len(), 2, "somebody is told of both");
    });
}

#[test]
fn delivery_of_five_megabytes_and_a_byte_is_413_and_an_alert() {
    tell(|| async {
        let bundle = calm().await;
        let body = vec![b' '; sources::limits::DELIVERY_BYTES + 1];

        let (status, said) = bundle.deliver_raw(body.clone()).await;
        bundle.pass(10).await;
        assert_eq!((status, said["type"].as_str()), (413, Some("payload_too_large")));
        assert_eq!(paged(&bundle).len(), 1, "somebody is told that alerts were not read");
        let forged = bundle.request(request(bundle.source(), Some("forged"), body)).await.unwrap();

        assert_eq!(forged.status(), 401, "401 first, always");
        assert_eq!(ledger(&bundle).await.alerts.len(), 1);
    });
}

#[test]
fn duplicate_keys_take_the_last_and_strange_characters_come_back_as_they_were() {
    tell(|| async {
        let bundle = calm().await;
        let title = "nul \u{0} rtl \u{202e}abc four 🔥 last \u{ffff}";
        let alert = json!({
            "status": "firing", "labels": {"alertname": "x"}, "fingerprint": "strange",
            "annotations": {"summary": title}, "startsAt": "2026-01-01T00:00:00Z",
        });
        let alert = alert.to_string().replacen('{', r#"{"fingerprint":"overwritten","#, 1);

        let (status, _) = bundle.deliver_raw(format!(r#"{{"version":"4","alerts":[{alert}]}}"#)).await;
        bundle.pass(10).await;

        assert_eq!(status, 202);
        let alert = ledger(&bundle).await.alerts.remove(0);
        let body = bundle.calm.store.alert_body(bundle.org, alert.id).await.unwrap().unwrap();
        assert_eq!((body.title.as_str(), body.deduplication_key.as_str()), (title, "strange"));
    });
}

#[test]
fn unknown_and_malformed_ids_are_404() {
    tell(|| async {
        let bundle = calm().await;
        for id in ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", "01arz3ndektsv4rrffq69g5fav"] {
            let request = http::Request::post(format!("/v2/alert_events/alertmanager/{id}"))
                .header("authorization", "Bearer x")
                .body("{}".into())
                .unwrap();
            assert_eq!(bundle.request(request).await.unwrap().status(), 404, "{id}");
        }
    });
}

#[test]
fn our_own_failure_is_503_with_retry_after_and_never_202() {
    tell(|| async {
        let bundle = with(FaultPlan { before: 1.0, ..FaultPlan::calm() }).await;
        let body = delivery(&[Alert::now(&bundle, "fire")]).to_string();
        let secret = bundle.demo.secret.expose_secret();

        let answer = bundle.request(request(bundle.source(), Some(secret), body.clone())).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        // The source's credentials are cached by now, but the queue refuses.
        bundle.faults.end();
        assert!(bundle.deliver(&[Alert::now(&bundle, "warm")]).await);
        bundle.faults.begin();
        let answer = bundle.request(request(bundle.source(), Some(secret), body)).await.unwrap();

        assert_eq!(answer.status(), 503);
    });
}

#[test]
fn event_larger_than_the_limit_is_its_alert_with_less_of_what_is_large() {
    tell(|| async {
        let bundle = calm().await;
        let mut body = delivery(&[Alert::now(&bundle, "small"), Alert::now(&bundle, "large")]);
        body["alerts"][1]["annotations"]["description"] = Value::String("x".repeat(600 * 1024));

        let (status, _) = bundle.deliver_raw(body.to_string()).await;
        bundle.pass(10).await;

        assert_eq!(status, 202);
        let ledger = ledger(&bundle).await;
        assert!(ledger.alerts.iter().any(|alert| alert.title == "small"));
        assert!(ledger.alerts.iter().any(|alert| alert.title == "large"));
        assert_eq!(ledger.alerts.len(), 2);
        assert!(ledger.alerts.iter().all(|alert| alert.head().state().name() == "firing"));
    });
}

#[test]
fn large_payload_is_kept_and_comes_back() {
    tell(|| async {
        let bundle = calm().await;
        let mut body = delivery(&[Alert::now(&bundle, "fire")]);
        body["alerts"][0]["annotations"]["description"] = Value::String("ab ".repeat(100 * 1024));

        bundle.deliver_raw(body.to_string()).await;
        bundle.pass(10).await;

        let alert = ledger(&bundle).await.alerts.remove(0);
        let raw = bundle.calm.store.alert_raw(bundle.org, alert.id).await.unwrap().unwrap();
        let raw: Value = serde_json::from_str(&raw).unwrap();
        assert_eq!(raw, body["alerts"][0]);
    });
}
