//! Recorded deliveries of real senders. `FIREBELL_PAYLOADS` names the directory that contains them and an `INDEX.tsv`.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::Value;
use sources::{AlertSource, Delivery, VerifyError};

/// The time of all deliveries.
const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

#[expect(
    clippy::disallowed_methods,
    reason = "the payloads are no part of the project, so the environment names them"
)]
fn directory() -> Option<PathBuf> {
    std::env::var("FIREBELL_PAYLOADS").ok().map(PathBuf::from)
}

/// The cells of a line. A cell that contains quotes is quoted.
fn cells(line: &str) -> Vec<String> {
    let cell = |cell: &str| match cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => cell.to_owned(),
    };
    line.split('\t').map(cell).collect()
}

/// The values that the index expects, one for each event of a file.
fn list(cell: &str) -> Vec<String> {
    serde_json::from_str(cell).unwrap_or_else(|_| vec![cell.to_owned()])
}

/// Kinds that have another name in the index than in the API.
const RENAMED: &[(&str, &str)] = &[("pagerduty", "pager_duty"), ("page_view_spikes", "status_page_views")];

/// Files that are rightly parsed differently from the index, and the reason.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "datadog/06-pagertree-template-triggered-placeholders.json",
        "a variable that was not replaced is absent, so that two monitors are not one alert",
    ),
    (
        "datadog/08-pagertree-template-re-triggered.json",
        "a variable that was not filled in is absent, so that two monitors are not one alert",
    ),
    ("pagerduty/15-eventsv2-resolve-disk.json", "an alert always has a title"),
];

/// The source for a name in the index.
fn source_of(name: &str) -> Option<&'static dyn AlertSource> {
    let renamed = RENAMED.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
    sources::get(renamed.unwrap_or(name))
}

fn check(directory: &Path, line: &str) -> Option<Result<(), String>> {
    let cells = cells(line);
    let [file, kind, event_kind, titles, statuses, keys, ..] = &cells[..] else { return None };
    let source = source_of(kind)?;
    let body = std::fs::read(directory.join(file)).ok()?;
    let mut headers = HeaderMap::new();
    source.sign(&mut headers, &body, &"s".into(), NOW);
    let delivery = Delivery { headers: &headers, path: "", query: None, body: &body, now: NOW };
    let verified = source.verify(&delivery, &"s".into(), None).unwrap();
    let parsed = match source.parse(verified) {
        Ok(parsed) => parsed,
        Err(error) => return Some(Err(format!("{file}: {error}"))),
    };
    let expected: Vec<(String, String, String)> = if statuses == "ignored" || event_kind == "other" {
        Vec::new()
    } else {
        let keys = list(keys).into_iter().map(|key| key.trim_start_matches("computed:").to_owned());
        let all = list(titles).into_iter().zip(list(statuses)).zip(keys).map(|((a, b), c)| (a, b, c));
        all.filter(|(_, status, _)| status != "ignored").collect()
    };
    let explained = EXPLAINED.iter().find(|(name, _)| name == file);
    let found: Vec<_> = parsed
        .events
        .iter()
        .map(|event| (event.title.clone(), event.status.name().to_owned(), event.deduplication_key.clone()))
        .collect();
    for event in &parsed.events {
        serde_json::from_str::<Value>(event.payload.get()).unwrap();
    }
    let as_expected = found == expected && parsed.unreadable.is_none();
    Some(if as_expected != explained.is_some() {
        Ok(())
    } else if let Some((_, why)) = explained {
        Err(format!("{file}: parsed as in the index, although {why}: remove it from `EXPLAINED`"))
    } else {
        Err(format!("{file}:\n  found    {found:?} {:?}\n  expected {expected:?}", parsed.unreadable))
    })
}

#[test]
fn deliveries_of_real_senders_are_read_as_expected() {
    let Some(directory) = directory() else {
        eprintln!("SKIPPED: set `FIREBELL_PAYLOADS` to a directory of payloads with its `INDEX.tsv`");
        return;
    };
    let index = std::fs::read_to_string(directory.join("INDEX.tsv")).unwrap();

    let outcomes: Vec<_> = index.lines().skip(1).filter_map(|line| check(&directory, line)).collect();

    let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).cloned().collect();
    assert!(
        failed.is_empty(),
        "{} of {} are parsed differently from the index:\n{}",
        failed.len(),
        outcomes.len(),
        failed.join("\n")
    );
    assert!(outcomes.len() > 1, "the index has no file of a source in the registry");
}

/// The name of a signature format in the vectors, its source, its header, and the headers that are signed with the body.
type Scheme = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The formats of sources in the registry. Of two names with the same beginning, the longer one is first.
const SCHEMES: &[Scheme] = &[
    ("github X-Hub-Signature-256", "github_issue", "x-hub-signature-256", &[]),
    (
        "grafana X-Grafana-Alerting-Signature, timestamp",
        "grafana",
        "x-grafana-alerting-signature",
        &[("x-grafana-alerting-signature-timestamp", "timestamp")],
    ),
    ("grafana X-Grafana-Alerting-Signature, no", "grafana", "x-grafana-alerting-signature", &[]),
    ("pagerduty v1", "pager_duty", "x-pagerduty-signature", &[]),
    ("sentry Sentry-Hook-Signature", "sentry", "sentry-hook-signature", &[]),
    (
        "standard-webhooks",
        "status_page_views",
        "webhook-signature",
        &[("webhook-id", "id"), ("webhook-timestamp", "timestamp")],
    ),
    (
        "zendesk X-Zendesk-Webhook-Signature",
        "zendesk",
        "x-zendesk-webhook-signature",
        &[("x-zendesk-webhook-signature-timestamp", "timestamp")],
    ),
];

#[test]
fn signatures_by_other_implementations_are_accepted() {
    let Some(directory) = directory() else {
        eprintln!("SKIPPED: set `FIREBELL_PAYLOADS` to a directory with a `SIGNATURE_VECTORS.json`");
        return;
    };
    let vectors = std::fs::read_to_string(directory.join("SIGNATURE_VECTORS.json")).unwrap();
    let vectors: Vec<Value> = serde_json::from_str(&vectors).unwrap();
    let mut checked = 0;
    for vector in &vectors {
        let text = |name: &str| vector[name].as_str().unwrap_or_default();
        let known = SCHEMES.iter().find(|(scheme, ..)| text("scheme").starts_with(scheme));
        let Some((_, kind, signature, signed_headers)) = known else { continue };
        let Some(source) = sources::get(kind) else { continue };
        let mut headers = HeaderMap::new();
        headers.insert(*signature, HeaderValue::from_str(text("expect")).unwrap());
        for (header, signed_header) in *signed_headers {
            headers.insert(*header, HeaderValue::from_str(text(signed_header)).unwrap());
        }
        let signed_header = text("timestamp");
        let seconds = signed_header.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let now = seconds.or_else(|| signed_header.parse().ok()).unwrap_or(NOW);
        let outcome = |body: &[u8]| {
            let delivery = Delivery { headers: &headers, path: "", query: None, body, now };
            source.verify(&delivery, &text("secret").into(), None).map(|_| ())
        };

        assert_eq!(outcome(text("body").as_bytes()), Ok(()), "{}", text("scheme"));
        assert_eq!(
            outcome(format!("{} ", text("body")).as_bytes()),
            Err(VerifyError::Wrong),
            "{}",
            text("scheme")
        );
        checked += 1;
    }
    assert!(checked > 0, "there is no vector for a source in the registry");
}
