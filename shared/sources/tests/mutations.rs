//! Malformed deliveries: every source accepts or refuses them, and none panics.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::Value;
use sources::{AlertSource, Delivery, all, limits};

/// The time of all deliveries.
const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

/// Texts that sometimes replace a part of a delivery.
const WORDS: &[&str] = &[
    "null",
    "true",
    "{}",
    "[]",
    "[[]]",
    "\"\"",
    "\"$ALERT_ID\"",
    "-1",
    "1e999",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\u{202e}",
    "resolved",
    "firing",
    "messages",
    "alerts",
    "event",
    "issue",
    "id",
    "0001-01-01T00:00:00Z",
    "https://",
    "[P2] [",
    "]",
    "%",
    "&",
    "=",
    "+",
    "payload=",
    ",",
    "\"",
    "\\",
    "{",
    "}",
];

/// A pseudo-random generator that gives the same values for the same seed.
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// A range within a length, which may reach its end.
    fn piece(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let longest = if self.below(4) == 0 { length - start } else { (length - start).min(12) };
        start..start + self.below(longest + 1)
    }
}

/// An example of a source that is changed in a few places, or arbitrary bytes.
fn body(source: &dyn AlertSource, generator: &mut Generator) -> Vec<u8> {
    let example = if generator.below(2) == 0 { source.example() } else { source.example_resolved() };
    let mut body = match generator.below(8) {
        0 => (0..generator.below(64)).map(|_| u8::try_from(generator.below(256)).unwrap()).collect(),
        1 => all()[generator.below(all().len())].example().to_string().into_bytes(),
        2 => format!("payload={}", percent_encoded(&example.to_string())).into_bytes(),
        _ => example.to_string().into_bytes(),
    };
    for _ in 0..generator.below(6) {
        let piece = generator.piece(body.len());
        match generator.below(5) {
            0 if !body.is_empty() => {
                let index = generator.below(body.len());
                body[index] ^= 1 << generator.below(8);
            }
            1 => {
                body.drain(piece);
            }
            2 => {
                let again = body[piece.clone()].to_vec();
                body.splice(piece.start..piece.start, again);
            }
            3 => body.truncate(piece.end),
            _ => {
                let word = WORDS[generator.below(WORDS.len())];
                body.splice(piece, word.bytes());
            }
        }
    }
    body
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Valid headers, headers with one change, or no headers.
fn headers(
    source: &dyn AlertSource,
    body: &[u8],
    secret: &SecretString,
    generator: &mut Generator,
) -> (HeaderMap, bool) {
    let mut headers = HeaderMap::new();
    if generator.below(4) == 0 {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    }
    if generator.below(8) == 0 {
        headers.insert("x-github-event", HeaderValue::from_static("issues"));
    }
    source.sign(&mut headers, body, secret, NOW);
    let names: Vec<HeaderName> = headers.keys().filter(|name| **name != CONTENT_TYPE).cloned().collect();
    if generator.below(4) > 0 {
        return (headers, true);
    }
    let name = names[generator.below(names.len())].clone();
    let mut value = headers[&name].as_bytes().to_vec();
    let piece = generator.piece(value.len());
    match generator.below(3) {
        0 => value.clear(),
        1 => {
            let word = WORDS[generator.below(WORDS.len())];
            value.splice(piece, word.bytes());
        }
        _ => {
            value.drain(piece);
        }
    }
    let changed = HeaderValue::from_bytes(&value).unwrap_or(HeaderValue::from_static(""));
    headers.insert(name, changed);
    (headers, false)
}

/// Delivers the bodies of a seed to every source, and returns how many were accepted.
fn survived(seed: u64) -> usize {
    let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let mut taken = 0;
    for source in all() {
        let mut generator = Generator(seed);
        let body = body(*source, &mut generator);
        let (headers, right) = headers(*source, &body, &secret, &mut generator);
        let delivery = Delivery { headers: &headers, path: "", query: None, body: &body, now: NOW };
        let verified = source.verify(&delivery, &secret, None);
        assert!(verified.is_ok() || !right, "{} seed {seed}: it refused its own sender", source.kind());
        let Ok(verified) = verified else { continue };
        let Ok(parsed) = source.parse(verified) else { continue };
        taken += 1;
        for event in &parsed.events {
            let kind = source.kind();
            assert!(!event.title.trim().is_empty(), "{kind} seed {seed}: no title");
            assert!(event.title.len() <= limits::TITLE_BYTES, "{kind} seed {seed}: a title too long");
            assert!(!event.deduplication_key.is_empty(), "{kind} seed {seed}: no key");
            assert!(event.deduplication_key.len() <= limits::KEY_BYTES, "{kind} seed {seed}: a key too long");
            let link = event.source_url.as_deref().unwrap_or("https://x").to_ascii_lowercase();
            assert!(
                link.starts_with("http://") || link.starts_with("https://"),
                "{kind} seed {seed}: {link}"
            );
            assert!(
                serde_json::from_str::<Value>(event.payload.get()).is_ok(),
                "{kind} seed {seed}: no payload"
            );
        }
    }
    taken
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn mutated_delivery_never_panics_and_what_it_gives_is_whole(seed in any::<u64>()) {
        survived(seed);
    }
}

#[test]
fn most_mutations_still_reach_the_parsers() {
    let taken: usize = (0..500).map(survived).sum();

    // Else the property above would say nothing of parsing.
    assert!(taken > 500, "only {taken} of {} deliveries were parsed", 500 * all().len());
}

#[expect(clippy::disallowed_methods, reason = "how long it runs is the test run's own configuration")]
fn minutes() -> u64 {
    std::env::var("FIREBELL_FUZZ_MINUTES").ok().and_then(|minutes| minutes.parse().ok()).unwrap_or(1)
}

#[test]
#[ignore = "takes the minutes of `FIREBELL_FUZZ_MINUTES`: run it in release, with `--no-capture`"]
fn mutated_deliveries_for_minutes() {
    let (began, first) = (Instant::now(), u64::from(std::process::id()) << 40);
    let end = began + Duration::from_secs(60 * minutes());
    let (mut seeds, mut taken) = (0_u64, 0);
    while Instant::now() < end {
        for seed in (first + seeds)..(first + seeds + 1_000) {
            let outcome = catch_unwind(AssertUnwindSafe(|| survived(seed)));
            taken += outcome.unwrap_or_else(|_| panic!("seed {seed} failed"));
        }
        seeds += 1_000;
    }
    let deliveries = seeds * u64::try_from(all().len()).unwrap();
    println!("{deliveries} deliveries, {taken} parsed, {} s, from seed {first}", began.elapsed().as_secs());
}
