//! What every channel must hold to. A new method stops the build in `channel`.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use std::path::Path;

use domain::Timestamp;
use domain::id::EscalationId;
use domain::trace::Trace;
use domain::user::{MethodType, Urgency};
use notify::{Channel, Mailer, Outgoing, SendError};

/// The channel of a method.
fn channel(method_type: MethodType, test: &str) -> Box<dyn Channel> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("conformance-{test}"));
    match method_type {
        MethodType::Email => Box::new(Mailer::directory(directory, "pages@example.com").unwrap()),
    }
}

/// Every channel.
fn channels(test: &str) -> Vec<Box<dyn Channel>> {
    MethodType::ALL.iter().map(|&method_type| channel(method_type, test)).collect()
}

fn page(address: &str, title: &str) -> Outgoing {
    Outgoing {
        idempotency_key: "01J.1.1".to_owned(),
        address: address.to_owned(),
        title: title.to_owned(),
        urgency: Urgency::High,
        escalation: EscalationId::new(Timestamp::UNIX_EPOCH, 7),
        trace: Trace::begin(42),
        source_url: None,
        acknowledge_url: "https://firebell.example.com/a/secret-of-the-link".to_owned(),
        when: Timestamp::UNIX_EPOCH,
    }
}

/// An address that the channel takes, by its method.
const fn good_address(method_type: MethodType) -> &'static str {
    match method_type {
        MethodType::Email => "ada@example.com",
    }
}

#[test]
fn each_channel_names_its_own_method() {
    for &method_type in MethodType::ALL {
        assert_eq!(channel(method_type, "registry").method_type(), method_type);
    }
}

#[tokio::test]
async fn each_channel_takes_any_title() {
    let titles = ["Disk full", "", " ", "a\r\nb\0c", "\u{202E}abc", "🔥", "<script>", &"x".repeat(100_000)];
    for channel in channels("titles") {
        for title in titles {
            let outgoing = page(good_address(channel.method_type()), title);

            let receipt = channel.send(&outgoing).await.unwrap();

            assert!(receipt.as_str().len() <= 120, "{} {receipt:?}", channel.method_type().name());
            assert!(!receipt.as_str().contains(char::is_control), "{receipt:?}");
        }
    }
}

#[tokio::test]
async fn each_channel_refuses_an_address_of_nothing_for_ever_and_tells_none() {
    for channel in channels("addresses") {
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

    for hidden in ["ada@", "Disk full", "secret-of-the-link"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(shown.contains("01J.1.1"), "{shown}");
}
