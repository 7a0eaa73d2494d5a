//! Deliveries of real senders, kept elsewhere: `FIREBELL_PAYLOADS` names the directory, with its `INDEX.tsv`.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::Value;
use sources::{AlertSource, Delivery, VerifyError};

/// When deliveries come.
const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

#[expect(
    clippy::disallowed_methods,
    reason = "the payloads are no part of the project, so the environment names them"
)]
fn directory() -> Option<PathBuf> {
    std::env::var("FIREBELL_PAYLOADS").ok().map(PathBuf::from)
}

/// The cells of a line; a cell with quotes in it is quoted.
fn cells(line: &str) -> Vec<String> {
    let cell = |cell: &str| match cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => cell.to_owned(),
    };
    line.split('\t').map(cell).collect()
}

/// What the index expects of a file, one for each event.
fn list(cell: &str) -> Vec<String> {
    serde_json::from_str(cell).unwrap_or_else(|_| vec![cell.to_owned()])
}

/// Kinds that the index calls by another name than the API.
const RENAMED: &[(&str, &str)] = &[("pagerduty", "pager_duty"), ("page_view_spikes", "status_page_views")];

/// What is read otherwise than the index has it, and why.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "datadog/06-pagertree-template-triggered-placeholders.json",
        "a variable that was not filled in is absent, so that two monitors are not one alert",
    ),
    (
        "datadog/08-pagertree-template-re-triggered.json",
        "a variable that was not filled in is absent, so that two monitors are not one alert",
    ),
    ("pagerduty/15-eventsv2-resolve-disk.json", "an alert always has a title"),
];

/// The source that the index means.
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
    let parsed = match source.parse(verified, "spare") {
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
        Err(format!("{file}: as the index has it, though {why}: strike it off `EXPLAINED`"))
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
        "{} of {} are read otherwise:\n{}",
        failed.len(),
        outcomes.len(),
        failed.join("\n")
    );
    assert!(outcomes.len() > 1, "the index names no file of a source that is here");
}

/// What the vectors call a scheme, the source that has it, its header, and the headers that are signed with the body.
type Scheme = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The schemes that there are sources for; of two that begin alike the longer is first.
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
fn signatures_of_others_are_right() {
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
        let Some((_, kind, signature, stamps)) = known else { continue };
        let Some(source) = sources::get(kind) else { continue };
        let mut headers = HeaderMap::new();
        headers.insert(*signature, HeaderValue::from_str(text("expect")).unwrap());
        for (header, stamp) in *stamps {
            headers.insert(*header, HeaderValue::from_str(text(stamp)).unwrap());
        }
        let stamp = text("timestamp");
        let seconds = stamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let now = seconds.or_else(|| stamp.parse().ok()).unwrap_or(NOW);
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
    assert!(checked > 0, "there is no vector of a source that is here");
}
