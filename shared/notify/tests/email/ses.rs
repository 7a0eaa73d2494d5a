//! Mail by SES, against a server that answers as SES does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use notify::{Channel, Mailer, SendError, SesSettings};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{FROM, page};

/// Answers everybody the same; keeps what they asked.
async fn ses(answer: &'static str) -> (Mailer, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut text, mut part) = (String::new(), vec![0; 64 * 1024]);
            while !text.ends_with("\"}") {
                let Ok(n @ 1..) = stream.read(&mut part).await else { break };
                text.push_str(&String::from_utf8_lossy(&part[..n]));
            }
            kept.lock().unwrap().push(text);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let settings = SesSettings {
        region: "eu-west-1".to_owned(),
        endpoint: Some(endpoint),
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "a secret access key".into(),
        session_token: Some("a session token".into()),
    };
    (Mailer::ses(settings, FROM).unwrap().with_timeout(Duration::from_secs(2)), asked)
}

#[tokio::test]
async fn email_is_sent_complete_and_signed() {
    let (mailer, asked) =
        ses("HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\n{\"MessageId\":\"0102-a\"}").await;

    let receipt = mailer.send(&page(1)).await.unwrap();

    assert_eq!(receipt.as_str(), "0102-a");
    let asked = asked.lock().unwrap().remove(0);
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v2/email/outbound-emails HTTP/1.1\r\n"), "{head}");
    let signed = "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260302/eu-west-1/ses/aws4_request, \
                  SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
    assert!(head.contains(signed), "{head}");
    assert!(head.contains("x-amz-date: 20260302T041130Z\r\n"), "{head}");
    assert!(head.contains("x-amz-security-token: a session token\r\n"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["FromEmailAddress"], "pages@firebell.example.com");
    assert_eq!(body["Destination"]["ToAddresses"], serde_json::json!(["ada@example.com"]));
    let mail = STANDARD.decode(body["Content"]["Raw"]["Data"].as_str().unwrap()).unwrap();
    let mail = String::from_utf8(mail).unwrap();
    assert!(
        mail.contains("Subject: [Firebell] Disk 1 is full\r\n") && mail.contains("To: ada@example.com\r\n")
    );
}

#[tokio::test]
async fn every_rejection_by_ses_is_transient() {
    let cases = [
        (
            "HTTP/1.1 400 Bad Request\r\nx-amzn-errortype: MessageRejected:http://x/\r\ncontent-length: 65\r\n\r\n\
             {\"message\":\"Email address is not verified: <ada@example.com> us\"}",
            "SES rejected the email: 400 MessageRejected Email address is not verified: <…> us",
        ),
        (
            "HTTP/1.1 429 Slow\r\nx-amzn-errortype: TooManyRequestsException\r\ncontent-length: 2\r\n\r\n{}",
            "SES rejected the email: 429 TooManyRequestsException",
        ),
        ("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\n<x/>", "SES rejected the email: 503 "),
        (
            "HTTP/1.1 403 No\r\ncontent-length: 22\r\n\r\n{\"Message\":\"no right\"}",
            "SES rejected the email: 403 no right",
        ),
    ];
    for (answer, expected) in cases {
        let (mailer, _) = ses(answer).await;

        let error = mailer.send(&page(1)).await.unwrap_err();

        assert!(matches!(error, SendError::Transient { .. }), "{error:?}");
        assert_eq!(error.why(), expected);
        assert!(!format!("{error:?}").contains("ada@"), "{error:?}");
    }
}

#[tokio::test]
async fn send_to_silent_ses_times_out_and_retry_after_is_kept() {
    let (busy, _) = ses("HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n").await;
    let error = busy.send(&page(1)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(9));

    let settings = SesSettings {
        region: "eu-west-1".to_owned(),
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        access_key_id: "a".to_owned(),
        secret_access_key: "b".into(),
        session_token: None,
    };
    let nobody = Mailer::ses(settings, FROM).unwrap().send(&page(1)).await.unwrap_err();
    assert!(matches!(nobody, SendError::Transient { .. }), "{nobody:?}");
}

#[test]
fn destination_contains_no_secret() {
    let settings = SesSettings {
        region: "cn-north-1".to_owned(),
        endpoint: None,
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "hidden".into(),
        session_token: None,
    };

    let mailer = Mailer::ses(settings.clone(), FROM).unwrap();

    assert_eq!(mailer.destination(), "SES in cn-north-1");
    assert!(!format!("{settings:?} {mailer:?}").contains("hidden"));
}
