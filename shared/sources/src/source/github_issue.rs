//! Issues of GitHub repositories, as a webhook of a repository or an organisation sends them.
//!
//! An issue is one alert, known by its id: its number is another repository's too. What a delivery is about is read off
//! its body, since the header with the event is under no signature; it only says what is passed over.

use ::http::header::HeaderName;
use domain::alert::AlertStatus;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::Reason;
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::verify::Signature;
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field};

/// How GitHub signs.
const SIGNATURE: Signature = Signature::hex("x-hub-signature-256", "sha256=");

/// The header with the event that a delivery is of.
const EVENT: HeaderName = HeaderName::from_static("x-github-event");

/// What is done to an issue and begins nothing, ends nothing and shows nowhere.
const PASSED_OVER: &[&str] =
    &["pinned", "unpinned", "locked", "unlocked", "milestoned", "demilestoned", "typed", "untyped"];

/// Where a binding finds what GitHub says of an issue.
const SCOPE: &[Variable] = &[
    Variable::new("payload.action", "What happened", VariableType::Text),
    Variable::new("payload.issue.number", "Number of the issue", VariableType::Text),
    Variable::new("payload.issue.state", "State of the issue", VariableType::Text),
    Variable::new("payload.issue.labels.0.name", "First label", VariableType::Text),
    Variable::new("payload.issue.user.login", "Who opened it", VariableType::Text),
    Variable::new("payload.issue.created_at", "When it was opened", VariableType::Time),
    Variable::new("payload.repository.full_name", "Repository", VariableType::Text),
    Variable::new("payload.sender.login", "Who did it", VariableType::Text),
];

/// GitHub's issues.
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
         3. Choose *Let me select individual events*, tick *Issues* and untick *Pushes*. Save it: GitHub sends a ping, \
         which is answered 202 and is no alert.\n\
         4. Open an issue to test it.\n\
         \n\
         An issue is one alert: it begins when the issue is opened or reopened, and is over when it is closed, deleted \
         or transferred. Anything else that changes an issue tells its state anew, so that an edit of an open issue \
         fires. Pull requests are passed over. The priority is what a label says, such as `P1`, `sev2`, `critical`, \
         `priority: high` or `severity/low`.\n\
         \n\
         GitHub sends nothing twice by itself: *Redeliver* under *Recent Deliveries* does.\n"
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

    fn parse(&self, delivery: Verified<'_>, _spare_key: &str) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let event = delivery.headers.get(EVENT).map(|value| value.as_bytes());
        told::one("GitHub issue", &told::body(delivery, Some("payload")), |fields| match event {
            Some(b"issues") => issue(fields),
            Some(_) => Ok(None),
            // Without the header, what has no issue or more than one is of another event.
            None if fields.contains_key("issue") && !fields.contains_key("comment") => issue(fields),
            None => Ok(None),
        })
    }
}

/// Reads what happened to an issue.
fn issue(fields: &Map<String, Value>) -> Reading {
    let action = field::of(fields, "action").unwrap_or_default();
    if PASSED_OVER.contains(&&*action) {
        return Ok(None);
    }
    let issue = fields.get("issue").and_then(Value::as_object);
    let (issue, id) = issue
        .and_then(|issue| Some((issue, field::of(issue, "id")?)))
        .ok_or(Reason::Shapeless { expected: "an `issue` with its `id`" })?;
    let status = status(&action, field::of(issue, "state").as_deref());
    let of_pull_request = issue.get("pull_request").is_some_and(|link| !link.is_null());
    Ok(Some(Told {
        // The end of what never began does no harm.
        status: Some(status).filter(|status| *status == AlertStatus::Resolved || !of_pull_request),
        key: id,
        title: field::of(issue, "title"),
        description: field::of(issue, "body"),
        url: field::of(issue, "html_url"),
        priority: priority(issue),
        // Of an issue that is gone, the last change to it was before it went.
        occurred_at: field::time(field::of(issue, "updated_at"))
            .filter(|_| !matches!(&*action, "deleted" | "transferred")),
    }))
}

/// What an action means; of every other one the issue's own state decides.
fn status(action: &str, state: Option<&str>) -> AlertStatus {
    match action {
        "opened" | "reopened" => AlertStatus::Firing,
        "closed" | "deleted" | "transferred" => AlertStatus::Resolved,
        _ if state == Some("closed") => AlertStatus::Resolved,
        _ => AlertStatus::Firing,
    }
}

/// The priority that the first label with one names.
fn priority(issue: &Map<String, Value>) -> Option<String> {
    let labels = issue.get("labels")?.as_array()?;
    labels.iter().find_map(|label| named(&field::of(label.as_object()?, "name")?))
}

/// The priority that a label names, if it names one.
fn named(label: &str) -> Option<String> {
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

/// An issue.
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
    fn labels_that_name_a_priority_are_known_by_their_words() {
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
            assert_eq!(named(label).as_deref(), expected, "{label}");
        }
    }
}
