//! The requirements for every alert source. A new source is tested here because it is in the registry.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use std::collections::BTreeSet;
use std::path::Path;

use domain::alert::{AlertEvent, AlertStatus};
use domain::source::SourceKind;
use domain::template::{ALERT_FIELDS, Binding};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sources::{AlertSource, Delivery, Kind, ParseError, Parsed, VerifyError, all, get, limits};

/// The time of all deliveries.
const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

const CONTENT_KEY: &str = "content:";

fn secret() -> SecretString {
    "fbs_Zk2/9+xQ=7ab".into()
}

/// Signs a body as its sender does, verifies it and parses it.
fn delivered(source: &dyn AlertSource, body: &[u8]) -> Result<Parsed, ParseError> {
    delivered_to(source, "", body)
}

/// Does the same with a path that the sender appends to the address.
fn delivered_to(source: &dyn AlertSource, path: &str, body: &[u8]) -> Result<Parsed, ParseError> {
    let mut headers = HeaderMap::new();
    source.sign(&mut headers, body, &secret(), NOW);
    let delivery = Delivery { headers: &headers, path, query: None, body, now: NOW };
    let verified = source.verify(&delivery, &secret(), None).unwrap();
    source.parse(verified)
}

fn one_event(source: &dyn AlertSource, body: &[u8]) -> AlertEvent {
    let mut parsed = delivered(source, body).unwrap();
    assert_eq!((parsed.events.len(), &parsed.unreadable), (1, &None), "{}", source.kind());
    parsed.events.remove(0)
}

/// The event of a source's example of a resolved alert.
fn resolved_event(source: &dyn AlertSource) -> AlertEvent {
    let body = serde_json::to_vec(&source.example_resolved()).unwrap();
    let mut parsed = delivered_to(source, source.example_resolved_path(), &body).unwrap();
    assert_eq!((parsed.events.len(), &parsed.unreadable), (1, &None), "{}", source.kind());
    parsed.events.remove(0)
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn each_source_reads_its_own_example_as_bytes_and_as_text() {
    for source in all() {
        let compact = serde_json::to_vec(&source.example()).unwrap();
        let text = serde_json::to_string_pretty(&source.example()).unwrap();

        let (of_bytes, mut of_text) = (one_event(*source, &compact), one_event(*source, text.as_bytes()));

        assert_eq!(of_bytes.status, AlertStatus::Firing, "{}", source.kind());
        of_text.payload = of_bytes.payload.clone();
        assert_eq!(json(&of_bytes), json(&of_text), "{}", source.kind());
        insta::assert_json_snapshot!(format!("example_{}", source.kind()), json(&of_bytes));
    }
}

#[test]
fn same_delivery_twice_is_the_same_event() {
    for source in all() {
        let body = serde_json::to_vec(&source.example()).unwrap();

        assert_eq!(json(&one_event(*source, &body)), json(&one_event(*source, &body)), "{}", source.kind());
        assert_eq!(json(&resolved_event(*source)), json(&resolved_event(*source)), "{}", source.kind());
    }
}

#[test]
fn firing_and_resolved_share_a_key_and_their_times_are_in_order() {
    for source in all() {
        let firing = one_event(*source, &serde_json::to_vec(&source.example()).unwrap());
        let resolved = resolved_event(*source);

        assert_eq!(resolved.status, AlertStatus::Resolved, "{}", source.kind());
        assert_eq!(firing.deduplication_key, resolved.deduplication_key, "{}", source.kind());
        assert!(!firing.deduplication_key.starts_with(CONTENT_KEY), "{}", source.kind());
        assert_eq!(firing.occurred_at.is_some(), resolved.occurred_at.is_some(), "{}", source.kind());
        assert!(firing.occurred_at <= resolved.occurred_at, "{}", source.kind());
    }
}

#[test]
fn wrong_previous_and_missing_secrets_are_distinguished() {
    for source in all() {
        let body = serde_json::to_vec(&source.example()).unwrap();
        let mut headers = HeaderMap::new();
        source.sign(&mut headers, &body, &secret(), NOW);
        let signed = Delivery { headers: &headers, path: "", query: None, body: &body, now: NOW };
        let bare = HeaderMap::new();
        let unsigned = Delivery { headers: &bare, path: "", query: None, body: &body, now: NOW };
        let (right, other, empty) = (secret(), SecretString::from("another"), SecretString::from(""));
        let outcome = |delivery: &Delivery<'_>, secret, previous| {
            source.verify(delivery, secret, previous).map(|_| ()).err()
        };

        assert_eq!(outcome(&signed, &right, None), None, "{}", source.kind());
        assert_eq!(outcome(&signed, &other, Some(&right)), None, "{}", source.kind());
        assert_eq!(outcome(&signed, &other, None), Some(VerifyError::Wrong), "{}", source.kind());
        assert_eq!(outcome(&signed, &empty, None), Some(VerifyError::Wrong), "{}", source.kind());
        assert_eq!(outcome(&unsigned, &right, None), Some(VerifyError::Missing), "{}", source.kind());
        assert_eq!(outcome(&unsigned, &empty, None), Some(VerifyError::Missing), "{}", source.kind());
    }
}

#[test]
fn each_flipped_bit_of_the_secret_is_refused() {
    for source in all() {
        let body = serde_json::to_vec(&source.example()).unwrap();
        let mut headers = HeaderMap::new();
        source.sign(&mut headers, &body, &secret(), NOW);
        let delivery = Delivery { headers: &headers, path: "", query: None, body: &body, now: NOW };
        let right = secret();
        for index in 0..right.expose_secret().len() {
            for bit in 0..7 {
                let mut bytes = right.expose_secret().as_bytes().to_vec();
                bytes[index] ^= 1 << bit;
                let wrong = SecretString::from(String::from_utf8(bytes).unwrap());

                let refused = source.verify(&delivery, &wrong, None).map(|_| ());

                assert_eq!(refused, Err(VerifyError::Wrong), "{} byte {index} bit {bit}", source.kind());
            }
        }
    }
}

#[test]
fn each_flipped_bit_of_the_headers_of_the_sender_is_refused() {
    for source in all() {
        let body = serde_json::to_vec(&source.example()).unwrap();
        let mut headers = HeaderMap::new();
        source.sign(&mut headers, &body, &secret(), NOW);
        for (name, value) in &headers {
            for (index, bit) in (0..value.len()).flat_map(|index| (0..8).map(move |bit| (index, bit))) {
                let mut bytes = value.as_bytes().to_vec();
                bytes[index] ^= 1 << bit;
                let Ok(changed) = HeaderValue::from_bytes(&bytes) else { continue };
                // The case of the word `Bearer` does not matter.
                if name == AUTHORIZATION
                    && index < "Bearer".len()
                    && bytes.eq_ignore_ascii_case(value.as_bytes())
                {
                    continue;
                }
                let mut headers = headers.clone();
                headers.insert(name, changed);
                let delivery = Delivery { headers: &headers, path: "", query: None, body: &body, now: NOW };

                let refused = source.verify(&delivery, &secret(), None).map(|_| ());

                assert!(refused.is_err(), "{} {name} byte {index} bit {bit}", source.kind());
            }
        }
    }
}

#[test]
fn each_flipped_bit_of_a_signed_body_is_refused() {
    let mut sign = 0;
    for source in all() {
        let body = serde_json::to_vec(&source.example()).unwrap();
        let signed = |body: &[u8]| {
            let mut headers = HeaderMap::new();
            source.sign(&mut headers, body, &secret(), NOW);
            headers
        };
        let headers = signed(&body);
        if headers == signed(b"{}") {
            continue;
        }
        sign += 1;
        for (index, bit) in (0..body.len()).flat_map(|index| (0..8).map(move |bit| (index, bit))) {
            let mut other = body.clone();
            other[index] ^= 1 << bit;
            let delivery = Delivery { headers: &headers, path: "", query: None, body: &other, now: NOW };

            let refused = source.verify(&delivery, &secret(), None).map(|_| ());

            assert_eq!(refused, Err(VerifyError::Wrong), "{} byte {index} bit {bit}", source.kind());
        }
    }
    assert!(sign > 1, "no source signs its bodies");
}

#[test]
fn body_that_is_not_json_or_not_an_object_is_refused() {
    for source in all() {
        for body in ["", "title=x&status=firing", "{", "{}}", "\"firing\"", "null", "17", "[[[["] {
            let refused = delivered(*source, body.as_bytes());

            assert!(refused.is_err(), "{} took {body:?} as {refused:?}", source.kind());
        }
        let deep = "[".repeat(limits::DELIVERY_BYTES);
        assert!(delivered(*source, deep.as_bytes()).is_err(), "{}", source.kind());
    }
}

#[test]
fn any_field_of_an_example_may_be_missing_or_of_another_type() {
    fn variants(value: &Value) -> Vec<Value> {
        let mut found = Vec::new();
        let strange =
            [Value::Null, Value::Bool(true), json(&17.5), json(&""), json(&[1]), json(&[[0; 0]; 1])];
        match value {
            Value::Object(fields) => {
                for name in fields.keys() {
                    let mut without = fields.clone();
                    without.remove(name);
                    found.push(Value::Object(without));
                    for changed in strange.iter().cloned().chain(variants(&fields[name])) {
                        let mut with = fields.clone();
                        with.insert(name.clone(), changed);
                        found.push(Value::Object(with));
                    }
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    for changed in strange.iter().cloned().chain(variants(element)) {
                        let mut with = elements.clone();
                        with[index] = changed;
                        found.push(Value::Array(with));
                    }
                }
            }
            _ => {}
        }
        found
    }
    for source in all() {
        for variant in variants(&source.example()) {
            if let Ok(parsed) = delivered(*source, &serde_json::to_vec(&variant).unwrap()) {
                for event in parsed.events {
                    assert!(!event.title.trim().is_empty(), "{} {variant}", source.kind());
                    assert!(!event.deduplication_key.is_empty(), "{} {variant}", source.kind());
                }
            }
        }
    }
}

#[test]
fn scope_has_every_field_of_an_alert_and_the_example_has_every_variable() {
    for source in all() {
        let event = one_event(*source, &serde_json::to_vec(&source.example()).unwrap());
        let payload: Value = serde_json::from_str(event.payload.get()).unwrap();
        let scope = source.scope();

        for variable in &scope {
            let binding = Binding::Reference(variable.reference.to_owned());
            let found = binding.resolve_all(&event, &payload).unwrap();
            assert!(!found.is_empty(), "{}: the example has no `{}`", source.kind(), variable.reference);
            assert!(!variable.label.is_empty(), "{}", variable.reference);
        }
        for field in ALERT_FIELDS {
            let reference = format!("alert.{field}");
            assert!(scope.iter().any(|variable| variable.reference == reference), "{reference}");
        }
        let references: BTreeSet<_> = scope.iter().map(|variable| variable.reference).collect();
        assert_eq!(references.len(), scope.len(), "{}", source.kind());
    }
}

#[test]
fn names_and_kinds_are_unique_and_instructions_can_be_followed() {
    let kinds: BTreeSet<_> = all().iter().map(|source| source.kind()).collect();
    let names: BTreeSet<_> = all().iter().map(|source| source.name()).collect();
    assert_eq!((kinds.len(), names.len()), (all().len(), all().len()));
    for source in all() {
        let address = source.kind().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(address && !source.kind().is_empty(), "`{}` cannot stand in an address", source.kind());
        assert!(!source.name().is_empty(), "{}", source.kind());
        assert!(source.docs().contains("{url}"), "{}", source.kind());
        assert!(source.docs().contains("{secret}"), "{}", source.kind());
    }
    insta::assert_snapshot!(
        "instructions",
        all()
            .iter()
            .map(|source| format!("# {}\n\n{}", source.name(), source.docs()))
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[test]
fn kind_and_name_lead_to_each_other() {
    assert_eq!(Kind::ALL.len(), all().len());
    for kind in Kind::ALL {
        let stored = SourceKind::from(*kind);

        assert_eq!(Kind::try_from(&stored), Ok(*kind));
        assert_eq!(get(&stored.0).unwrap().kind(), kind.get().kind());
    }
    assert!(get("carrier_pigeon").is_none());
    assert!(Kind::try_from(&SourceKind("Alertmanager".to_owned())).is_err());
}

#[test]
fn each_file_of_a_source_is_registered() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/source");
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            get(stem).is_some(),
            "`src/source/{stem}.rs` has no line in `sources!` in `src/source.rs`, or its `kind()` is not `{stem}`"
        );
    }
}

/// Arbitrary JSON. Some of its fields have names that sources read.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["firing", "resolved", "ack", "2026-01-01T00:00:00Z", "https://x.example"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let names = vec![
            "alerts",
            "status",
            "labels",
            "annotations",
            "startsAt",
            "endsAt",
            "fingerprint",
            "title",
            "metadata",
            "check",
            "id",
            "externalURL",
            "event",
        ];
        let name =
            prop_oneof![4 => prop::sample::select(names).prop_map(str::to_owned), 1 => any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
        for source in all() {
            let _ = delivered(*source, &body);
        }
    }

    #[test]
    fn arbitrary_json_never_panics_and_its_events_are_complete(value in any_json(), cut in any::<prop::sample::Index>()) {
        let mut body = serde_json::to_vec(&value).unwrap();
        for source in all() {
            if let Ok(parsed) = delivered(*source, &body) {
                for event in parsed.events {
                    prop_assert!(!event.title.trim().is_empty() && !event.deduplication_key.is_empty());
                    prop_assert!(serde_json::from_str::<Value>(event.payload.get()).is_ok());
                }
            }
        }
        let index = cut.index(body.len());
        body[index] ^= 0x80;
        for source in all() {
            let _ = delivered(*source, &body);
        }
        body.truncate(index);
        for source in all() {
            let _ = delivered(*source, &body);
        }
    }

    #[test]
    fn arbitrary_credentials_never_panic_and_are_never_accepted(
        authorization in prop::collection::vec(any::<u8>(), 0..64),
        query in ".{0,64}",
    ) {
        for source in all() {
            let mut headers = HeaderMap::new();
            if let Ok(value) = http::HeaderValue::from_bytes(&authorization) {
                headers.insert(http::header::AUTHORIZATION, value);
            }
            let delivery = Delivery { headers: &headers, path: "", query: Some(&query), body: b"{}", now: NOW };
            prop_assert!(source.verify(&delivery, &secret(), None).is_err());
        }
    }
}
