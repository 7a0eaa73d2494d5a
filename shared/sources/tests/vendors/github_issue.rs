//! GitHub: the state of an issue, ignored events, and forms.

use domain::alert::AlertStatus;
use http::HeaderMap;
use serde_json::{Value, json};
use sources::{UnreadableReason, VerifyError};

use crate::support::{NOW, Sender};

const SENDER: Sender = Sender("github_issue");

fn issue(action: &str, state: &str) -> Value {
    json!({"action": action, "issue": {
        "id": 17, "number": 1, "title": "T", "body": null, "state": state, "html_url": "https://github.com/a/b/issues/1",
        "labels": [{"name": "bug"}, {"name": "P2"}], "updated_at": "2026-03-02T04:11:30Z",
    }})
}

#[test]
fn signature_is_the_one_that_github_documents() {
    let mut headers = HeaderMap::new();
    let source = sources::get("github_issue").unwrap();
    source.sign(&mut headers, b"Hello, World!", &"It's a Secret to Everybody".into(), NOW);

    assert_eq!(
        headers["x-hub-signature-256"],
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    );
}

#[test]
fn only_the_sha256_signature_is_accepted() {
    let source = sources::get("github_issue").unwrap();
    let mut headers = HeaderMap::new();
    source.sign(&mut headers, b"{}", &"secret".into(), NOW);
    let bare = headers["x-hub-signature-256"].to_str().unwrap().trim_start_matches("sha256=").to_owned();
    let outcome = |name: &str, value: &str, query| SENDER.outcome(&[(name, value)], query, b"{}");

    assert_eq!(outcome("x-hub-signature-256", &format!("sha256={bare}"), None), Ok(()));
    assert_eq!(outcome("x-hub-signature-256", &format!("sha1={bare}"), None), Err(VerifyError::Wrong));
    assert_eq!(outcome("x-hub-signature-256", &bare, None), Err(VerifyError::Wrong));
    assert_eq!(outcome("x-hub-signature", &format!("sha256={bare}"), None), Err(VerifyError::Missing));
    assert_eq!(outcome("x-other", "x", Some("token=secret")), Err(VerifyError::Missing));
    assert_eq!(outcome("authorization", "Bearer secret", None), Err(VerifyError::Missing));
}

#[test]
fn actions_fire_resolve_repeat_the_state_or_are_ignored() {
    let cases = [
        ("opened", "open", Some(AlertStatus::Firing)),
        ("reopened", "open", Some(AlertStatus::Firing)),
        ("closed", "closed", Some(AlertStatus::Resolved)),
        ("deleted", "open", Some(AlertStatus::Resolved)),
        ("transferred", "open", Some(AlertStatus::Resolved)),
        ("edited", "open", Some(AlertStatus::Firing)),
        ("edited", "closed", Some(AlertStatus::Resolved)),
        ("labeled", "open", Some(AlertStatus::Firing)),
        ("assigned", "closed", Some(AlertStatus::Resolved)),
        ("something new", "open", Some(AlertStatus::Firing)),
        ("", "", Some(AlertStatus::Firing)),
        ("pinned", "open", None),
        ("locked", "closed", None),
        ("milestoned", "open", None),
    ];
    for (action, state, expected) in cases {
        let parsed =
            SENDER.parse_with(issue(action, state).to_string().as_bytes(), &[("x-github-event", "issues")]);

        assert_eq!(parsed.events.first().map(|event| event.status), expected, "{action} {state}");
        assert_eq!(parsed.unreadable, None, "{action}");
        for event in parsed.events {
            assert_eq!((&*event.deduplication_key, event.priority.as_deref()), ("17", Some("p2")));
        }
    }
}

#[test]
fn deleted_issue_is_resolved_at_the_time_of_the_delivery() {
    let at = |action| {
        SENDER.parse_with(issue(action, "open").to_string().as_bytes(), &[]).events.remove(0).occurred_at
    };

    assert!(at("opened").is_some());
    assert_eq!((at("deleted"), at("transferred")), (None, None));
}

#[test]
fn other_events_and_pull_requests_are_ignored() {
    let mut of_pull_request = issue("opened", "open");
    of_pull_request["issue"]["pull_request"] = json!({"url": "https://api.github.com/repos/a/b/pulls/1"});
    let mut comment = issue("created", "open");
    comment["comment"] = json!({"id": 1});
    let ping = json!({"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {"type": "Repository"}});
    let cases = [
        (Some("ping"), &ping),
        (None, &ping),
        (Some("label"), &json!({"action": "created", "label": {"id": 1}})),
        (Some("issue_comment"), &comment),
        (None, &comment),
        (Some("issues"), &of_pull_request),
        (Some("push"), &json!({"ref": "refs/heads/main"})),
    ];
    for (event, body) in cases {
        let headers: Vec<_> = event.map(|event| ("x-github-event", event)).into_iter().collect();
        let parsed = SENDER.parse_with(body.to_string().as_bytes(), &headers);

        assert_eq!((parsed.events.len(), parsed.unreadable), (0, None), "{event:?} {body}");
    }
}

#[test]
fn form_is_verified_over_its_bytes_and_parsed_by_its_payload() {
    let json = r#"{"action":"opened","issue":{"id":17,"title":"100%25 + more & less"}}"#;
    let encoded: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form = format!("payload={encoded}");

    let mut parsed =
        SENDER.parse_with(form.as_bytes(), &[("content-type", "application/x-www-form-urlencoded")]);

    let event = parsed.events.remove(0);
    assert_eq!((&*event.title, event.payload.get()), ("100%25 + more & less", json));
}

#[test]
fn issue_without_an_id_is_reported() {
    let parsed =
        SENDER.parse_with(br#"{"action":"opened","issue":{"title":"T"}}"#, &[("x-github-event", "issues")]);

    assert!(matches!(parsed.unreadable.unwrap().reason, UnreadableReason::UnexpectedShape { .. }));
}
