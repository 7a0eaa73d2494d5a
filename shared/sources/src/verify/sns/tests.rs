use ::http::HeaderMap;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::*;

const PEM: &[u8] = include_bytes!("../../../tests/sns/certificate.pem");
const KEY: &str = include_str!("../../../tests/sns/key.pem");
const RECORDED: &str = include_str!("../../../tests/sns/notifications.json");
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alarms";
const SENT: &str = "2026-12-01T12:00:00.000Z";

fn at(seconds: i64) -> Timestamp {
    SENT.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn outcome_of(
    body: &[u8],
    topic: Option<&str>,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<(), VerifyError> {
    let headers = HeaderMap::new();
    let delivery = Delivery { headers: &headers, path: "", query: None, body, now };
    verify(&delivery, topic, certificate).map(|_| ())
}

fn outcome(body: &Value, now: Timestamp) -> Result<(), VerifyError> {
    outcome_of(body.to_string().as_bytes(), Some(TOPIC), &Certificate::read(PEM).unwrap(), now)
}

/// Signs an envelope as SNS does in version 2. The signed text is built from the documentation of AWS, and not with the
/// code under test.
fn signed(mut envelope: Value, names: &[&str]) -> Value {
    let text: String =
        names.iter().map(|name| format!("{name}\n{}\n", envelope[*name].as_str().unwrap())).collect();
    let key: String = KEY.lines().filter(|line| !line.starts_with("---")).collect();
    let key = RsaKeyPair::from_pkcs8(&BASE64.decode(key).unwrap()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    envelope["SignatureVersion"] = json!("2");
    envelope["Signature"] = json!(BASE64.encode(signature));
    envelope
}

fn confirmation() -> Value {
    json!({
        "Type": "SubscriptionConfirmation",
        "MessageId": "22b80b92-0002-4c2c-8f9d-bdfb0c7bf324",
        "Token": "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92768dd60a747ba6f3",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe to the topic.",
        "SubscribeURL": format!("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336"),
        "Timestamp": SENT,
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
    })
}

const OF_CONFIRMATION: &[&str] =
    &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

fn recorded() -> Vec<Value> {
    serde_json::from_str(RECORDED).unwrap()
}

#[test]
fn signatures_by_openssl_are_valid_in_their_own_version_only() {
    for (envelope, version) in recorded().into_iter().zip(["1", "2"]) {
        assert_eq!(envelope["SignatureVersion"], version);
        assert_eq!(outcome(&envelope, at(1)), Ok(()), "{version}");

        for other in ["1", "2", "3", "", "01"].into_iter().filter(|other| *other != version) {
            let mut changed = envelope.clone();
            changed["SignatureVersion"] = json!(other);
            assert_eq!(outcome(&changed, at(1)), Err(VerifyError::Wrong), "{version} as {other}");
        }
    }
}

#[test]
fn each_flipped_bit_of_the_signed_fields_is_refused() {
    for envelope in recorded().into_iter().chain([signed(confirmation(), OF_CONFIRMATION)]) {
        assert_eq!(outcome(&envelope, at(1)), Ok(()));
        for (name, value) in envelope.as_object().unwrap() {
            let value = value.as_str().unwrap();
            for (index, bit) in (0..value.len()).flat_map(|index| (0..7).map(move |bit| (index, bit))) {
                let mut bytes = value.as_bytes().to_vec();
                bytes[index] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                // The address of another certificate of SNS is valid, but its key would not match.
                let fits = name == "SigningCertURL" && {
                    let mut named = envelope.clone();
                    named[name] = json!(changed);
                    Envelope::read(named.to_string().as_bytes()).unwrap().certificate_url().is_some()
                };
                // The padding of base64, and the unused bits of its last digit, do not matter.
                if fits || (name == "Signature" && BASE64.decode(&changed) == BASE64.decode(value)) {
                    continue;
                }
                let mut other = envelope.clone();
                other[name] = json!(changed);

                assert!(outcome(&other, at(1)).is_err(), "{name} byte {index} bit {bit}");
            }
        }
    }
}

#[test]
fn subject_and_message_cannot_be_moved_into_each_other() {
    let mut envelope = recorded().remove(1);
    let joined = format!("{}\nMessageId\nx", envelope["Message"].as_str().unwrap());
    envelope["Message"] = json!(joined);
    assert_eq!(outcome(&envelope, at(1)), Err(VerifyError::Wrong));

    let mut without = recorded().remove(1);
    without.as_object_mut().unwrap().remove("Subject");
    assert_eq!(outcome(&without, at(1)), Err(VerifyError::Wrong));
    let bare = signed(without, &["Message", "MessageId", "Timestamp", "TopicArn", "Type"]);
    assert_eq!(outcome(&bare, at(1)), Ok(()));
    // An envelope with a field twice could be read in two ways.
    let twice = bare.to_string().replacen('{', "{\"Message\":\"other\",", 1);
    let certificate = Certificate::read(PEM).unwrap();
    assert_eq!(outcome_of(twice.as_bytes(), Some(TOPIC), &certificate, at(1)), Err(VerifyError::Missing));
}

#[test]
fn notification_is_valid_for_an_hour_and_its_age_is_checked_after_its_signature() {
    let envelope = recorded().remove(0);
    for seconds in [-300, 0, 3600] {
        assert_eq!(outcome(&envelope, at(seconds)), Ok(()), "{seconds}");
    }
    for seconds in [-301, 3601, 86_400] {
        assert_eq!(outcome(&envelope, at(seconds)), Err(VerifyError::Replayed), "{seconds}");
    }
    let mut forged = envelope;
    forged["Message"] = json!("{}");
    assert_eq!(outcome(&forged, at(3601)), Err(VerifyError::Wrong));
}

#[test]
fn another_topic_another_key_and_an_expired_certificate_are_refused() {
    let body = recorded().remove(1).to_string();
    let right = Certificate::read(PEM).unwrap();
    let over = Certificate { ends: at(-1), ..right.clone() };
    let early = Certificate { begins: at(60), ..right.clone() };
    let other = Certificate { key: right.key.iter().rev().copied().collect(), ..right.clone() };

    assert_eq!(outcome_of(body.as_bytes(), None, &right, at(1)), Ok(()));
    assert_eq!(
        outcome_of(body.as_bytes(), Some("arn:aws:sns:eu-west-1:1:x"), &right, at(1)),
        Err(VerifyError::Wrong)
    );
    for certificate in [over, early, other] {
        assert_eq!(outcome_of(body.as_bytes(), None, &certificate, at(1)), Err(VerifyError::Wrong));
    }
}

#[test]
fn invalid_certificate_and_one_with_another_kind_of_key_are_not_read() {
    assert_eq!(Certificate::read(PEM).unwrap().name().len(), 16);
    assert_eq!(Certificate::read(include_bytes!("../../../tests/sns/other-kind.pem")), None);
    for pem in [&b""[..], b"-----BEGIN CERTIFICATE-----", KEY.as_bytes(), &PEM[..PEM.len() / 2]] {
        assert_eq!(Certificate::read(pem), None);
    }
}

#[test]
fn certificate_and_confirmation_are_only_requested_from_sns_in_the_topics_region() {
    let url = |topic: &str, certificate: &str| {
        let body =
            json!({"Type": "Notification", "TopicArn": topic, "Message": "", "SigningCertURL": certificate});
        Envelope::read(body.to_string().as_bytes()).unwrap().certificate_url().is_some()
    };
    let china = "arn:aws-cn:sns:cn-north-1:1:x";
    let cases = [
        (TOPIC, "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem", true),
        (china, "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0a.pem", true),
        (china, "https://sns.cn-north-1.amazonaws.com/SimpleNotificationService-0a.pem", false),
        (TOPIC, "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem", false),
        (TOPIC, "http://sns.eu-west-1.amazonaws.com/a.pem", false),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem", false),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com:444/a.pem", false),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem", false),
        (TOPIC, "https://x@sns.eu-west-1.amazonaws.com/a.pem", false),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com/a.pem?x=.pem", false),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com/a/../b.pem", false),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com/a.pem#", false),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com/.pem", false),
        (TOPIC, "https://sns.eu-west-1.amazonaws.com/a.txt", false),
        (TOPIC, "https://s3.eu-west-1.amazonaws.com/a.pem", false),
        ("arn:aws:sns:evil.example/:1:x", "https://sns.evil.example/.amazonaws.com/a.pem", false),
        ("arn:aws:s3:eu-west-1:1:x", "https://sns.eu-west-1.amazonaws.com/a.pem", false),
        ("", "https://sns.eu-west-1.amazonaws.com/a.pem", false),
    ];
    for (topic, certificate, taken) in cases {
        assert_eq!(url(topic, certificate), taken, "{topic} {certificate}");
    }
    let asked = |purpose: &str, url: &str| {
        let mut body = confirmation();
        (body["Type"], body["SubscribeURL"]) = (json!(purpose), json!(url));
        Envelope::read(body.to_string().as_bytes()).unwrap().confirmation_url().is_some()
    };
    let right = confirmation()["SubscribeURL"].as_str().unwrap().to_owned();
    assert!(asked("SubscriptionConfirmation", &right));
    assert!(!asked("UnsubscribeConfirmation", &right) && !asked("Notification", &right));
    for wrong in [
        "http://169.254.169.254/?Action=ConfirmSubscription",
        "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        "https://sns.eu-west-1.amazonaws.com/other?Action=ConfirmSubscription",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
        "https://sns.eu-west-1.amazonaws.com.evil.example/?Action=ConfirmSubscription",
    ] {
        assert!(!asked("SubscriptionConfirmation", wrong), "{wrong}");
    }
}
