//! Mail for alert sources.

use domain::Actor;
use domain::alert::AlertState;
use domain::message::Queue;
use domain::source::{Custom, Redaction, Source, Template};
use embedded::NewMessage;
use machine::Stateful;
use secrecy::ExposeSecret;
use serde_json::json;
use sources::Kind;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::inbox::Provider;

use crate::stage::{calm, ledger, paged, tell};

/// A source that takes mail.
async fn source(bundle: &Bundle, template: Template) -> Source {
    bundle.faults.end();
    let (context, by) = (&bundle.context, Actor::system(bundle.org, "story"));
    let new = app::source::create::NewSource {
        id: domain::id::SourceId::new(bundle.now(), context.random()),
        name: "Mail".to_owned(),
        kind: Kind::Email.into(),
        secret: Some(bundle.demo.secret.clone()),
        template,
        intake: Default::default(),
        draft: false,
        document: Default::default(),
    };
    let (store, seal, random) = (&context.store, &context.seal, &context.random);
    let made = app::source::create::create(store, seal, &by, new, random, bundle.now()).await.unwrap();
    bundle.faults.begin();
    made
}

fn address(bundle: &Bundle, source: &Source) -> String {
    let secret = bundle.demo.secret.expose_secret().as_bytes();
    format!("{}@alerts.example.com", Kind::Email.get().mail_address(&source.id.to_string(), secret).unwrap())
}

/// Delivers a mail as SES does: stores it in the bucket, then sends a message.
fn receive(bundle: &Bundle, to: &str, key: &str, mail: &str) {
    if !mail.is_empty() {
        bundle.mails.put(key, mail.replace('\n', "\r\n"));
    }
    let received = json!({
        "notificationType": "Received",
        "receipt": { "recipients": [to], "action": { "type": "S3", "objectKey": key } },
        "mail": { "timestamp": bundle.now(), "messageId": key,
            "commonHeaders": { "subject": "What SES knows of it", "messageId": format!("<{key}@x>"), "from": ["n@x"] } },
    });
    let message = NewMessage { body: received.to_string(), group: None, delay_s: 0 };
    bundle.embedded.queues().send(Queue::MailReceive.name(), message).unwrap();
}

async fn titles(bundle: &Bundle) -> Vec<(String, AlertState)> {
    let alerts = ledger(bundle).await.alerts;
    alerts.iter().map(|alert| (alert.title.clone(), alert.head().state())).collect()
}

#[test]
fn mail_pages_once_and_the_one_that_says_that_it_is_over_ends_it() {
    tell(|| async {
        let bundle = calm().await;
        let to = address(&bundle, &source(&bundle, Template::default()).await);

        let down =
            "From: m@x\nMessage-ID: <1@x>\nSubject: Monitor is DOWN: shop\n\nNo answer for 3 minutes.\n";
        receive(&bundle, &to, "one", down);
        receive(&bundle, &to.to_uppercase(), "one", down);
        bundle.pass(30).await;
        assert_eq!(titles(&bundle).await, [("Monitor is DOWN: shop".to_owned(), AlertState::Firing)]);
        assert_eq!(paged(&bundle).len(), 1);

        receive(
            &bundle,
            &to,
            "two",
            "From: m@x\nMessage-ID: <2@x>\nSubject: Monitor is UP: shop\n\nIt answers.\n",
        );
        bundle.pass(30).await;
        assert_eq!(titles(&bundle).await, [("Monitor is DOWN: shop".to_owned(), AlertState::Resolved)]);
        bundle.stop().await;
    });
}

#[test]
fn address_without_the_proof_pages_nobody_and_holds_nothing_up() {
    tell(|| async {
        let bundle = calm().await;
        let source = source(&bundle, Template::default()).await;
        let right = address(&bundle, &source);
        let (local, _) = right.split_once('@').unwrap();
        let forged = format!("{}0@alerts.example.com", &local[..local.len() - 1]);
        for to in [
            forged.as_str(),
            "postmaster@alerts.example.com",
            "01m844dzg00000000000000001-000000000000000000000000@x",
        ] {
            receive(&bundle, to, "forged", "Subject: buy\n\nnow\n");
        }
        receive(&bundle, &right, "real", "Subject: Disk is full\n\nIt is.\n");
        bundle.pass(30).await;
        assert_eq!(titles(&bundle).await, [("Disk is full".to_owned(), AlertState::Firing)]);
        bundle.pass(600).await;
        let waiting = bundle.embedded.queues().depth(Queue::MailReceive.name()).unwrap();
        assert_eq!(
            (waiting, paged(&bundle).is_empty()),
            (0, false),
            "what is nobody's is not tried for ever"
        );
        bundle.stop().await;
    });
}

#[test]
fn mail_that_cannot_be_fetched_pages_with_what_is_known_of_it() {
    tell(|| async {
        let bundle = calm().await;
        let to = address(&bundle, &source(&bundle, Template::default()).await);
        receive(&bundle, &to, "gone", "");
        bundle.pass(120).await;
        assert_eq!(titles(&bundle).await, [], "it is tried first");
        bundle.pass(180).await;
        assert_eq!(titles(&bundle).await, [("What SES knows of it".to_owned(), AlertState::Firing)]);

        bundle.mails.be_down(true);
        receive(&bundle, &to, "late", "Message-ID: <late@x>\nSubject: It was late\n\nBut it came.\n");
        bundle.pass(60).await;
        bundle.mails.be_down(false);
        bundle.pass(120).await;
        assert_eq!(titles(&bundle).await.last().unwrap().0, "It was late");
        bundle.stop().await;
    });
}

#[test]
fn what_is_redacted_is_kept_nowhere_and_an_expression_says_what_a_mail_means() {
    tell(|| async {
        let bundle = calm().await;
        let transform = r#"{"title": payload.subject ~ "!", "deduplication_key": payload.from.address}"#;
        let template = Template {
            custom: Some(Custom { transform_expression: transform.to_owned(), ..Custom::default() }),
            redactions: vec![Redaction::CreditCardNumbers],
            ..Template::default()
        };
        let to = address(&bundle, &source(&bundle, template).await);
        receive(
            &bundle,
            &to,
            "card",
            "From: shop@x\nSubject: Card 4111 1111 1111 1111\n\nIt is 4111111111111111.\n",
        );
        bundle.pass(30).await;

        let ledger = ledger(&bundle).await;
        let alert = &ledger.alerts[0];
        assert_eq!(alert.title, "Card [credit card number removed]!");
        let (body, event) = (
            bundle.calm.store.alert_body(bundle.org, alert.id).await.unwrap().unwrap(),
            bundle.calm.store.alert_raw(bundle.org, alert.id).await.unwrap(),
        );
        assert_eq!(body.deduplication_key, "shop@x");
        let kept = format!("{body:?} {event:?}");
        assert!(!kept.contains("4111"), "{kept}");
        assert!(kept.contains("credit card number removed"), "{kept}");
        bundle.stop().await;
    });
}

#[test]
fn no_mail_is_lost_while_aws_does_its_worst() {
    for seed in 0..6 {
        tell(|| async move {
            let bundle = Bundle::start(seed, FaultPlan::rough(), Provider::default()).await.unwrap();
            let to = address(&bundle, &source(&bundle, Template::default()).await);
            for n in 0..10 {
                let mail = format!("Message-ID: <{n}@x>\nSubject: Mail {n}\n\nText.\n");
                receive(&bundle, &to, &format!("mail{n}"), &mail);
                bundle.pass(5).await;
            }
            bundle.pass(300).await;
            bundle.faults.end();
            bundle.pass(600).await;
            let mut told: Vec<String> = titles(&bundle).await.into_iter().map(|(title, _)| title).collect();
            told.sort();
            assert_eq!(told, (0..10).map(|n| format!("Mail {n}")).collect::<Vec<_>>(), "seed {seed}");
            bundle.stop().await;
        });
    }
}

#[test]
fn whole_mail_that_a_server_posts_pages_however_large_what_is_attached() {
    tell(|| async {
        let bundle = calm().await;
        let source = source(&bundle, Template::default()).await;
        let post = async |mail: String| {
            let request = http::Request::post(format!("/v2/alert_events/email/{}", source.id))
                .header("authorization", format!("Bearer {}", bundle.demo.secret.expose_secret()))
                .header("content-type", "message/rfc822; charset=utf-8")
                .body(axum::body::Body::from(mail));
            bundle.request(request.unwrap()).await.map(|answer| answer.status().as_u16())
        };
        let attached = "A".repeat(9 * 1024 * 1024);

        assert_eq!(post("Message-ID: <1@x>\r\nSubject: Small\r\n\r\nText.\r\n".to_owned()).await, Some(202));
        bundle.pass(1).await;
        let large = format!("Message-ID: <2@x>\r\nSubject: Large\r\n\r\nText.\r\n{attached}");
        assert_eq!(post(large).await, Some(202));
        bundle.pass(30).await;

        let mut titles: Vec<String> = titles(&bundle).await.into_iter().map(|(title, _)| title).collect();
        titles.sort();
        assert_eq!(titles, ["Large", "Small"]);
        bundle.stop().await;
    });
}
