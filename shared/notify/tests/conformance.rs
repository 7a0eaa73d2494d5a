//! What every channel must hold to. A new method stops the build in `channel`.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use std::path::Path;

use domain::Timestamp;
use domain::id::{EscalationId, OrgId};
use domain::trace::Trace;
use domain::user::{MethodType, Urgency};
use egress::Reach;
use notify::{Channel, Mailer, OutgoingNotification, SendError, SesSettings, Webhook};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

mod slack {
    //! Slack for the conformance suite: it takes every message, or says what it is told to say.

    use std::sync::{Arc, Mutex};

    use ::slack::{CallError, Reply, Request, Slack, Token, Transport};
    use domain::id::OrgId;
    use futures_util::future::BoxFuture;
    use notify::{BoxError, SlackDirect, WorkspaceTokens};
    use secrecy::SecretString;

    /// A Slack that replies the same to everything, and keeps what it was sent.
    pub(crate) struct Replies {
        pub(crate) status: u16,
        pub(crate) body: &'static str,
        pub(crate) sent: Mutex<Vec<Request>>,
    }

    impl Transport for Replies {
        fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, CallError>> {
            self.sent.lock().unwrap().push(request.clone());
            let reply = Reply { status: self.status, retry_after: None, body: self.body.to_owned() };
            Box::pin(async move { Ok(reply) })
        }
    }

    /// One workspace for everybody.
    struct One;

    impl WorkspaceTokens for One {
        fn token(&self, _: OrgId) -> BoxFuture<'_, Result<Option<Token>, BoxError>> {
            let team = "T0TESTS".parse().unwrap();
            Box::pin(async move { Ok(Some(Token { team, secret: SecretString::from("xoxb-none") })) })
        }
    }

    /// A channel over a Slack that replies so.
    pub(crate) fn replying(status: u16, body: &'static str) -> (SlackDirect, Arc<Replies>) {
        let replies = Arc::new(Replies { status, body, sent: Mutex::default() });
        (SlackDirect::new(Slack::new(replies.clone()), Arc::new(One)), replies)
    }

    /// A channel over a Slack that takes everything.
    pub(crate) fn direct() -> SlackDirect {
        replying(200, r#"{"ok":true,"channel":"D012AB3CD","ts":"1.2"}"#).0
    }
}

/// The channels of a method, each with an address that it takes.
async fn of(method_type: MethodType, test: &str) -> Vec<(Box<dyn Channel>, String)> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("conformance-{test}"));
    match method_type {
        MethodType::Email => {
            let ses = SesSettings {
                region: "eu-west-1".to_owned(),
                endpoint: Some(program().await),
                access_key_id: "AKIDEXAMPLE".to_owned(),
                secret_access_key: "a secret access key".into(),
                session_token: None,
            };
            let mailers = [
                Mailer::directory(directory, "pages@example.com").unwrap(),
                Mailer::ses(ses, "pages@example.com").unwrap(),
            ];
            let all = mailers.into_iter().map(|mailer| {
                let channel: Box<dyn Channel> = Box::new(mailer);
                (channel, "ada@example.com".to_owned())
            });
            all.collect()
        }
        MethodType::Slack => vec![(Box::new(slack::direct()), "U012AB3CD".to_owned())],
        MethodType::Webhook => {
            vec![(Box::new(Webhook::new(Reach::AndLoopback)), program().await)]
        }
    }
}

/// The address of a program that takes everything.
async fn program() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 16]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na\r\nb").await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    });
    address
}

/// Every channel.
async fn channels(test: &str) -> Vec<(Box<dyn Channel>, String)> {
    let mut channels = Vec::new();
    for &method_type in MethodType::ALL {
        channels.extend(of(method_type, test).await);
    }
    channels
}

fn page(address: &str, title: &str) -> OutgoingNotification {
    OutgoingNotification {
        idempotency_key: "01J.1.1".to_owned(),
        address: address.to_owned(),
        title: title.to_owned(),
        urgency: Urgency::High,
        installation: "fb01".to_owned(),
        org: OrgId::new(Timestamp::UNIX_EPOCH, 8),
        escalation: EscalationId::new(Timestamp::UNIX_EPOCH, 7),
        trace: Trace::begin(42),
        source_url: None,
        acknowledge_url: "https://firebell.example.com/a/secret-of-the-link".to_owned(),
        when: Timestamp::UNIX_EPOCH,
        secret: Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()),
    }
}

#[tokio::test]
async fn each_channel_names_its_own_method() {
    for &method_type in MethodType::ALL {
        for (channel, _) in of(method_type, "registry").await {
            assert_eq!(channel.method_type(), method_type);
        }
    }
}

#[tokio::test]
async fn each_channel_takes_any_title() {
    let titles = ["Disk full", "", " ", "a\r\nb\0c", "\u{202E}abc", "🔥", "<script>", &"x".repeat(100_000)];
    for (channel, address) in channels("titles").await {
        for title in titles {
            let outgoing = page(&address, title);

            let receipt = channel.send(&outgoing).await.unwrap();

            assert!(receipt.as_str().len() <= 120, "{} {receipt:?}", channel.method_type().name());
            assert!(!receipt.as_str().contains(char::is_control), "{receipt:?}");
        }
    }
}

#[tokio::test]
async fn each_channel_refuses_an_address_of_nothing_for_ever_and_tells_none() {
    for (channel, _) in channels("addresses").await {
        for address in ["", "\0", "no address at all, secret-address"] {
            let error = channel.send(&page(address, "T")).await.unwrap_err();

            assert!(matches!(error, SendError::Permanent { .. }), "{address:?} {error:?}");
            assert!(!format!("{error:?} {}", error.why()).contains("secret-address"), "{error:?}");
        }
    }
}

#[test]
fn outgoing_page_shows_no_address_no_title_and_no_link_in_a_log() {
    let shown = format!("{:?}", page("ada@example.com", "Disk full"));

    for hidden in ["ada@", "Disk full", "secret-of-the-link", "whsec_"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(shown.contains("01J.1.1"), "{shown}");
}

#[tokio::test]
async fn direct_message_is_permanent_only_where_slack_says_that_there_is_nobody() {
    let outgoing = page("U012AB3CD", "Disk full");
    for (status, body, permanent) in [
        (200, r#"{"ok":false,"error":"channel_not_found"}"#, true),
        (200, r#"{"ok":false,"error":"user_not_found"}"#, true),
        (200, r#"{"ok":false,"error":"invalid_auth"}"#, false),
        (429, r#"{"ok":false,"error":"ratelimited"}"#, false),
        (503, "<html>", false),
        (200, "<html>", false),
    ] {
        let (channel, _) = slack::replying(status, body);

        let error = channel.send(&outgoing).await.unwrap_err();

        assert_eq!(matches!(error, SendError::Permanent { .. }), permanent, "{status} {body} {error:?}");
    }
}

#[tokio::test]
async fn direct_message_has_a_button_and_pings_nobody_else() {
    let (channel, replies) = slack::replying(200, r#"{"ok":true,"channel":"D1","ts":"1.2"}"#);

    let receipt = channel.send(&page("U012AB3CD", "<!channel> fire")).await.unwrap();

    let stands = receipt.message().expect("its button could not be taken off later");
    assert_eq!((stands.channel.as_str(), &*stands.ts), ("D1", "1.2"));
    let sent = replies.sent.lock().unwrap().remove(0);
    let ::slack::Request::Call { arguments, .. } = sent else { panic!("no call") };
    assert_eq!((&arguments["channel"], &arguments["unfurl_links"]), (&"U012AB3CD".into(), &false.into()));
    assert_eq!(arguments["text"], "Firebell alert: &lt;!channel&gt; fire");
    assert!(arguments["blocks"].to_string().contains("acknowledge_page"), "{arguments}");
}
