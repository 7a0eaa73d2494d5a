//! What Slack really sends, kept elsewhere: `FIREBELL_PAYLOADS` names the directory.

use std::path::PathBuf;

use domain::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde_json::Value;
use slack::payload::{Heard, command, event, interaction};
use slack::{Unsigned, verify};

/// The directory of payloads.
#[expect(clippy::disallowed_methods, reason = "a test's own setting is no configuration")]
fn directory() -> PathBuf {
    PathBuf::from(std::env::var("FIREBELL_PAYLOADS").expect("`FIREBELL_PAYLOADS` names no directory"))
}

/// A payload with one bit of its first byte turned.
fn turned(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[0] ^= 1;
    String::from_utf8(bytes).expect("the lowest bit of ASCII is turned")
}

#[test]
#[ignore = "reads payloads that are kept elsewhere"]
fn signatures_that_slack_has_published_are_right_and_with_one_bit_turned_wrong() {
    let vectors = std::fs::read_to_string(directory().join("SIGNATURE_VECTORS.json")).unwrap();
    let vectors: Vec<Value> = serde_json::from_str(&vectors).unwrap();
    let vectors: Vec<_> = vectors.iter().filter(|vector| vector["scheme"] == "slack v0").collect();
    assert!(!vectors.is_empty(), "there is no vector of Slack's");
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap().to_owned();
        let (secret, body) = (text("secret"), text("body"));
        let (timestamp, signature) = (text("timestamp"), text("expect"));
        let now = Timestamp::from_second(timestamp.parse().unwrap()).unwrap();
        let verified = |secret: &str, timestamp: &str, signature: &str, body: &str| {
            verify(&SecretString::from(secret), Some(timestamp), Some(signature), body.as_bytes(), now)
        };

        assert_eq!(verified(&secret, &timestamp, &signature, &body), Ok(()));

        assert_eq!(verified(&turned(&secret), &timestamp, &signature, &body), Err(Unsigned::Wrong));
        assert_eq!(verified(&secret, &timestamp, &signature, &turned(&body)), Err(Unsigned::Wrong));
        let (begin, end) = signature.split_at(signature.len() - 1);
        let other = format!("{begin}{}", turned(end));
        assert_eq!(verified(&secret, &timestamp, &other, &body), Err(Unsigned::Wrong));
        // The last digit of the time: still within the window, and not what was signed.
        let (begin, end) = timestamp.split_at(timestamp.len() - 1);
        let other = format!("{begin}{}", turned(end));
        assert_eq!(verified(&secret, &other, &signature, &body), Err(Unsigned::Wrong));
    }
}

/// What is expected of a payload by what it says itself.
fn expected(payload: &Value) -> &'static str {
    let is_id = |pointer: &str, begin: &[char]| {
        payload.pointer(pointer).and_then(Value::as_str).is_some_and(|id| {
            id.starts_with(begin) && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        })
    };
    match payload["type"].as_str().unwrap_or_default() {
        "url_verification" => "challenge",
        "event_callback" if !is_id("/team_id", &['T']) => "unreadable",
        "event_callback" => {
            let said = payload["event"]["text"].as_str().unwrap_or_default();
            let asks = payload["event"]["type"] == "app_mention" && said.contains("<@");
            if asks && is_id("/event/user", &['U', 'W']) { "work" } else { "nothing" }
        }
        // Buttons and forms of other apps, and what we have not asked for.
        _ => "nothing",
    }
}

#[test]
#[ignore = "reads payloads that are kept elsewhere"]
fn recorded_payloads_are_understood_or_left_alone() {
    let at = Timestamp::UNIX_EPOCH;
    let (mut read, mut differ) = (0, Vec::new());
    for entry in std::fs::read_dir(directory().join("slack")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let body = std::fs::read_to_string(&path).unwrap();
        let (heard, expected) = if name.contains("-events-") || name.contains("-interactivity-") {
            let payload: Value = serde_json::from_str(&body).unwrap();
            let heard = if name.contains("-events-") {
                event(body.as_bytes(), at)
            } else {
                let form = format!("payload={}", utf8_percent_encode(&body, NON_ALPHANUMERIC));
                interaction(form.as_bytes(), at)
            };
            (heard, expected(&payload))
        } else if path.extension().is_some_and(|kind| kind == "form") {
            (command(body.as_bytes(), at), "work")
        } else {
            continue;
        };
        let found = match heard {
            Ok(Heard::Work(_)) => "work",
            Ok(Heard::Challenge(_)) => "challenge",
            Ok(Heard::Nothing) => "nothing",
            Err(_) => "unreadable",
        };
        println!("{name}: {found}");
        read += 1;
        if found != expected {
            differ.push(format!("{name}: found {found}, expected {expected}"));
        }
    }
    assert!(read > 0, "the directory holds no payload of Slack's");
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
