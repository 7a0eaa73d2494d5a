//! The alert source for issues of GitHub repositories, which come through a webhook of a repository or an organisation.
//!
//! An issue is one alert. Its key is the id of the issue, because issues of other repositories may have the same number.
//! The body decides which alert a delivery belongs to. The header with the event is not signed, so it only decides which
//! deliveries are ignored.

use ::http::header::HeaderName;
use domain::alert::AlertStatus;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::UnreadableReason;
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::verify::Signature;
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field};

/// The format of GitHub's signatures.
const SIGNATURE: Signature = Signature::hex("x-hub-signature-256", "sha256=");

/// The header with the type of the event.
const EVENT: HeaderName = HeaderName::from_static("x-github-event");

/// Actions on an issue that change nothing in an alert.
const IGNORED_ACTIONS: &[&str] =
    &["pinned", "unpinned", "locked", "unlocked", "milestoned", "demilestoned", "typed", "untyped"];

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.action", "Action", VariableType::Text),
    Variable::new("payload.issue.number", "Issue number", VariableType::Text),
    Variable::new("payload.issue.state", "Issue state", VariableType::Text),
    Variable::new("payload.issue.labels.0.name", "First label", VariableType::Text),
    Variable::new("payload.issue.user.login", "Author", VariableType::Text),
    Variable::new("payload.issue.created_at", "Time of creation", VariableType::Time),
    Variable::new("payload.repository.full_name", "Repository", VariableType::Text),
    Variable::new("payload.sender.login", "User who acted", VariableType::Text),
];

/// The alert source for GitHub issues.
#[derive(Debug, Clone, Copy)]
pub(super) struct GithubIssue;

impl AlertSource for GithubIssue {
    fn kind(&self) -> &'static str {
        "github_issue"
    }

    fn name(&self) -> &'static str {
        "GitHub issues"
    }

    fn docs(&self) -> &'static str {
        "1. In the repository or the organisation, open Settings → Webhooks → Add webhook.\n\
         2. Set *Payload URL* to `{url}`, *Content type* to `application/json` and *Secret* to `{secret}`. Leave SSL \
         verification on.\n\
         3. Choose *Let me select individual events*, tick *Issues* and untick *Pushes*. Save the webhook. GitHub \
         sends a ping, which Firebell answers with 202 and which creates no alert.\n\
         4. Open an issue to test the webhook.\n\
         \n\
         Each issue becomes one alert. It fires when the issue is opened or reopened, and resolves when the issue is \
         closed, deleted or transferred. Every other change of an issue repeats its state, so editing an open issue \
         fires the alert again. Pull requests are ignored. The priority comes from a label such as `P1`, `sev2`, \
         `critical`, `priority: high` or `severity/low`.\n\
         \n\
         GitHub does not repeat failed deliveries by itself: use *Redeliver* under *Recent Deliveries*.\n"
    }

    fn example(&self) -> Value {
        example("opened", "open", "2026-03-02T04:11:30Z")
    }

    fn example_resolved(&self) -> Value {
        example("closed", "closed", "2026-03-02T04:31:00Z")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn signatures(&self) -> &'static [Signature] {
        &[SIGNATURE]
    }

    fn verify<'a>(
        &self,
        delivery: &Delivery<'a>,
        secret: &SecretString,
        previous: Option<&SecretString>,
    ) -> Result<Verified<'a>, VerifyError> {
        SIGNATURE.verify(delivery, secret, previous)
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let event = delivery.headers.get(EVENT).map(|value| value.as_bytes());
        parsed_alert::single("GitHub issue", &parsed_alert::body(delivery, Some("payload")), |fields| {
            match event {
                Some(b"issues") => issue(fields),
                Some(_) => Ok(None),
                // Without the header, a delivery without an issue, or with a comment on one, is of another event.
                None if fields.contains_key("issue") && !fields.contains_key("comment") => issue(fields),
                None => Ok(None),
            }
        })
    }
}

/// Parses an action on an issue.
fn issue(fields: &Map<String, Value>) -> ParseResult {
    let action = field::text(fields, "action").unwrap_or_default();
    if IGNORED_ACTIONS.contains(&&*action) {
        return Ok(None);
    }
    let issue = fields.get("issue").and_then(Value::as_object);
    let (issue, id) = issue
        .and_then(|issue| Some((issue, field::text(issue, "id")?)))
        .ok_or(UnreadableReason::UnexpectedShape { expected: "an `issue` with an `id`" })?;
    let status = status(&action, field::text(issue, "state").as_deref());
    let of_pull_request = issue.get("pull_request").is_some_and(|link| !link.is_null());
    Ok(Some(ParsedAlert {
        // Pull requests never fire. Resolving one is harmless, because there is no alert for it.
        status: Some(status).filter(|status| *status == AlertStatus::Resolved || !of_pull_request),
        key: id,
        title: field::text(issue, "title"),
        description: field::text(issue, "body"),
        url: field::text(issue, "html_url"),
        priority: priority(issue),
        // A deleted or transferred issue has the time of its last change, which was before it was deleted.
        occurred_at: field::time(field::text(issue, "updated_at"))
            .filter(|_| !matches!(&*action, "deleted" | "transferred")),
    }))
}

/// The status for an action. For every other action, the state of the issue decides.
fn status(action: &str, state: Option<&str>) -> AlertStatus {
    match action {
        "opened" | "reopened" => AlertStatus::Firing,
        "closed" | "deleted" | "transferred" => AlertStatus::Resolved,
        _ if state == Some("closed") => AlertStatus::Resolved,
        _ => AlertStatus::Firing,
    }
}

/// The priority from the first label that names one.
fn priority(issue: &Map<String, Value>) -> Option<String> {
    let labels = issue.get("labels")?.as_array()?;
    labels.iter().find_map(|label| priority_of(&field::text(label.as_object()?, "name")?))
}

/// The priority that a label names, if it names one.
fn priority_of(label: &str) -> Option<String> {
    let word = label.trim().to_ascii_lowercase();
    let after = ["priority", "severity", "prio", "sev"].iter().find_map(|name| {
        let rest = word.strip_prefix(name)?.strip_prefix([':', '/', '-', '_', ' ', '='])?;
        let rest = rest.trim_start_matches([':', '/', '-', '_', ' ', '=']);
        (!rest.is_empty()).then(|| rest.to_owned())
    });
    let numbered = ["p", "sev", "s"].iter().any(|letter| {
        word.strip_prefix(letter).is_some_and(|digit| matches!(digit.as_bytes(), [b'0'..=b'5']))
    });
    let plain = matches!(&*word, "blocker" | "critical" | "urgent" | "high" | "medium" | "low");
    after.or_else(|| (numbered || plain).then_some(word))
}

/// An example of an action on an issue.
fn example(action: &str, state: &str, updated_at: &str) -> Value {
    json!({
        "action": action,
        "issue": {
            "id": 3_100_200_300_u64,
            "number": 1_347,
            "title": "Customers cannot pay by card",
            "body": "Since about 04:00 UTC every payment by card ends with “declined”.",
            "html_url": "https://github.com/example/shop/issues/1347",
            "state": state,
            "state_reason": if state == "closed" { json!("completed") } else { Value::Null },
            "user": { "login": "ada", "id": 501, "type": "User" },
            "labels": [{ "id": 71, "name": "priority: high", "color": "d73a4a", "default": false }],
            "assignees": [],
            "comments": 0,
            "created_at": "2026-03-02T04:11:30Z",
            "updated_at": updated_at,
            "closed_at": if state == "closed" { json!(updated_at) } else { Value::Null }
        },
        "repository": {
            "id": 9_001,
            "full_name": "example/shop",
            "html_url": "https://github.com/example/shop",
            "private": true
        },
        "sender": { "login": "ada", "id": 501, "type": "User" }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_is_read_from_labels() {
        let cases = [
            ("P1", Some("p1")),
            ("sev2", Some("sev2")),
            ("sev-2", Some("2")),
            ("Critical", Some("critical")),
            ("priority: high", Some("high")),
            ("severity/low", Some("low")),
            ("prio::urgent", Some("urgent")),
            ("priority", None),
            ("priority:", None),
            ("prioritise later", None),
            ("P10", None),
            ("bug", None),
            ("", None),
        ];
        for (label, expected) in cases {
            assert_eq!(priority_of(label).as_deref(), expected, "{label}");
        }
    }
}
