//! Webhooks against programs that refuse, dawdle and lead astray.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

mod program;

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use domain::id::{EscalationId, OrgId};
use domain::trace::Trace;
use domain::user::Urgency;
use egress::Reach;
use notify::{Channel, OutgoingNotification, SendError, Webhook};
use ring::hmac;
use serde_json::Value;

use self::program::Program;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn page(address: &str) -> OutgoingNotification {
    OutgoingNotification {
        idempotency_key: "01J.1.1".to_owned(),
        address: address.to_owned(),
        title: "Disk is full".to_owned(),
        urgency: Urgency::High,
        installation: "fb01".to_owned(),
        org: OrgId::new(Timestamp::UNIX_EPOCH, 8),
        escalation: EscalationId::new(Timestamp::UNIX_EPOCH, 7),
        trace: Trace::begin(42),
        source_url: Some("https://prometheus.example.com/graph".to_owned()),
        acknowledge_url: "https://firebell.example.com/acknowledge/token".to_owned(),
        when: "2026-03-02T04:11:30Z".parse().unwrap(),
        secret: Some(SECRET.into()),
    }
}

fn webhook() -> Webhook {
    Webhook::new(Reach::AndLoopback).with_timeout(Duration::from_secs(2))
}

/// Sends one page to a program with these answers.
async fn sent(answers: &'static [&'static str]) -> (Result<String, SendError>, Program) {
    let program = Program::start(answers).await;
    let result = webhook().send(&page(&program.url())).await;
    (result.map(|receipt| receipt.as_str().to_owned()), program)
}

#[tokio::test]
async fn notification_is_posted_with_a_signature_that_receivers_can_verify() {
    let (receipt, program) = sent(&["HTTP/1.1 204 No Content\r\n\r\n"]).await;

    assert_eq!(receipt.unwrap(), "204");
    let taken = program.taken().remove(0);
    let (id, timestamp) = (taken.header("webhook-id"), taken.header("webhook-timestamp"));
    assert_eq!((id, timestamp), ("page_01J_1_1", "1772424690"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(&SECRET["whsec_".len()..]).unwrap());
    let signature = STANDARD.decode(taken.header("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    let signed = format!("{id}.{timestamp}.{}", taken.body);
    assert!(hmac::verify(&key, signed.as_bytes(), &signature).is_ok());
    let body: Value = serde_json::from_str(&taken.body).unwrap();
    assert_eq!(body["type"], "escalation.page");
    assert_eq!((&body["data"]["title"], &body["data"]["urgency"]), (&"Disk is full".into(), &"high".into()));
    assert_eq!(body["data"]["acknowledge_url"], "https://firebell.example.com/acknowledge/token");
    assert_eq!(body["data"]["source_url"], "https://prometheus.example.com/graph");
}

#[tokio::test]
async fn attempts_of_one_notification_share_an_id() {
    let program = Program::start(&["HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"]).await;
    let first = page(&program.url());
    let later = OutgoingNotification { when: "2026-03-02T05:00:00Z".parse().unwrap(), ..first.clone() };
    let other = OutgoingNotification { idempotency_key: "01J.1.2".to_owned(), ..first.clone() };

    for outgoing in [&first, &later, &other] {
        let _ = webhook().send(outgoing).await;
    }

    let ids: Vec<String> =
        program.taken().iter().map(|taken| taken.header("webhook-id").to_owned()).collect();
    assert_eq!(ids, ["page_01J_1_1", "page_01J_1_1", "page_01J_1_2"]);
}

#[tokio::test]
async fn only_client_errors_are_permanent() {
    let cases: &[(&'static [&'static str], &str)] = &[
        (&["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"], "taken"),
        (&["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"], "permanent"),
        (&["HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"], "permanent"),
        (&["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"], "permanent"),
        (&["HTTP/1.1 410 Gone\r\nretry-after: 5\r\ncontent-length: 0\r\n\r\n"], "permanent"),
        (&["HTTP/1.1 408 Timeout\r\ncontent-length: 0\r\n\r\n"], "transient"),
        (&["HTTP/1.1 425 Too Early\r\ncontent-length: 0\r\n\r\n"], "transient"),
        (&["HTTP/1.1 429 Slow down\r\ncontent-length: 0\r\n\r\n"], "transient"),
        (&["HTTP/1.1 429 Slow down\r\nretry-after: 17\r\ncontent-length: 0\r\n\r\n"], "busy 17"),
        (&["HTTP/1.1 503 Busy\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n"], "busy 3600"),
        (
            &["HTTP/1.1 503 Busy\r\nretry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\ncontent-length: 0\r\n\r\n"],
            "transient",
        ),
        (&["HTTP/1.1 503 Busy\r\nretry-after: -1\r\ncontent-length: 0\r\n\r\n"], "transient"),
        (&["HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"], "transient"),
        (&["HTTP/1.1 302 Found\r\nlocation: https://example.com/\r\ncontent-length: 0\r\n\r\n"], "transient"),
        (&["220 mail.example.com ESMTP\r\n"], "transient"),
    ];
    for (answers, expected) in cases {
        let (result, _) = sent(answers).await;

        let found = match &result {
            Ok(_) => "taken".to_owned(),
            Err(SendError::Transient { .. }) => "transient".to_owned(),
            Err(SendError::Busy { after, .. }) => format!("busy {after}"),
            Err(SendError::Permanent { .. }) => "permanent".to_owned(),
        };
        assert_eq!(found, *expected, "{answers:?} {result:?}");
    }
}

#[tokio::test]
async fn missing_response_is_transient_and_times_out() {
    let begun = Instant::now();

    let (result, _) = sent(&[""]).await;

    assert!(matches!(result, Err(SendError::Transient { .. })), "{result:?}");
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn private_network_is_refused_without_a_request() {
    let program = Program::start(&["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]).await;
    let public = Webhook::new(Reach::Public).with_timeout(Duration::from_secs(2));
    let by_name: String = program.url().replace("http://127.0.0.1", "https://127.1");

    for address in [program.url(), program.url().replacen("http", "https", 1), by_name] {
        assert!(public.send(&page(&address)).await.is_err(), "{address}");
    }
    let metadata = webhook().send(&page("https://169.254.169.254/latest/meta-data/")).await;

    assert!(matches!(metadata, Err(SendError::Permanent { .. })), "{metadata:?}");
    assert_eq!(program.taken().len(), 0);
}

#[tokio::test]
async fn reply_is_kept_without_the_address() {
    let program = Program::start(&[
        "HTTP/1.1 422 No\r\ncontent-length: 57\r\n\r\nno hook at\r\nhttp://127.0.0.1/hooks/secret-path here at all",
    ])
    .await;
    let address = program.url();

    let error = webhook().send(&page(&address)).await.unwrap_err();

    assert!(error.why().starts_with("the webhook was rejected: 422 no hook at "), "{}", error.why());
    assert!(!error.why().contains(&address) && !error.why().contains(SECRET), "{}", error.why());
}

#[tokio::test]
async fn notification_without_a_valid_secret_is_not_sent() {
    let program = Program::start(&["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]).await;

    for secret in [None, Some("no secret".into())] {
        let error =
            webhook().send(&OutgoingNotification { secret, ..page(&program.url()) }).await.unwrap_err();

        assert!(matches!(error, SendError::Permanent { .. }), "{error:?}");
    }
    assert_eq!(program.taken().len(), 0);
}
