//! The alert source for Datadog's monitors, which come through Datadog's webhooks integration.
//!
//! The payload is a template that the customer writes. Our own template is in the instructions. Other templates are
//! read by the names that people commonly use. A variable that Datadog did not replace counts as absent.

use domain::alert::AlertStatus;
use domain::text::clip;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::UnreadableReason;
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::{ParseError, Parsed, Verified, field};

/// The fields for the state change. `ALERT_STATUS` is not one of them, because it is a text for people.
const TRANSITION: &[&str] = &["transition", "alert_transition", "status", "alert_type"];

/// The fields for the title. The first of them contains no state.
const TITLE: &[&str] = &["alert_title", "title", "event_title", "summary"];

/// The fields for the description.
const MESSAGE: &[&str] = &["message", "event_msg", "text_only_msg", "body", "description"];

/// The fields that are equal in trigger and recovery, best first.
const KEY: &[&str] = &["cycle_key", "alert_cycle_key", "unique_key", "aggreg_key"];

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.transition", "State change", VariableType::Text),
    Variable::new("payload.title", "Event title", VariableType::Text),
    Variable::new("payload.alert_id", "Monitor ID", VariableType::Text),
    Variable::new("payload.scope", "Scope of the monitor", VariableType::Text),
    Variable::new("payload.priority", "Monitor priority", VariableType::Text),
    Variable::new("payload.tags", "Tags", VariableType::Text),
    Variable::new("payload.snapshot", "Snapshot of the graph", VariableType::Url),
    Variable::new("payload.org_id", "Datadog organisation ID", VariableType::Text),
];

/// The alert source for Datadog.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datadog;

impl AlertSource for Datadog {
    fn kind(&self) -> &'static str {
        "datadog"
    }

    fn name(&self) -> &'static str {
        "Datadog"
    }

    fn docs(&self) -> &'static str {
        "1. In Datadog, open Integrations → Webhooks → New, name the webhook `firebell` and set *URL* to `{url}`.\n\
         2. Set *Payload* to\n\
         \n\
         ```json\n\
         {\"id\":\"$ID\",\"title\":\"$EVENT_TITLE\",\"alert_title\":\"$ALERT_TITLE\",\"transition\":\"$ALERT_TRANSITION\",\"cycle_key\":\"$ALERT_CYCLE_KEY\",\"aggreg_key\":\"$AGGREG_KEY\",\"alert_id\":\"$ALERT_ID\",\"scope\":\"$ALERT_SCOPE\",\"priority\":\"$ALERT_PRIORITY\",\"message\":\"$EVENT_MSG\",\"link\":\"$LINK\",\"snapshot\":\"$SNAPSHOT\",\"tags\":\"$TAGS\",\"date\":\"$DATE\",\"org_id\":\"$ORG_ID\"}\n\
         ```\n\
         \n\
         3. Tick *Custom Headers* and set them to `{\"Authorization\": \"Bearer {secret}\"}`. Leave *Encode as form* \
         off. Save the webhook.\n\
         4. Add `@webhook-firebell` to the message of each monitor that creates alerts. Put it outside of conditions, \
         so that Datadog also sends the recovery. *Test Notifications* in the monitor sends a test alert.\n\
         \n\
         Each group of a monitor becomes one alert. It fires with `Triggered`, `Warn` or `No Data`, and resolves with \
         `Recovered`. The priority is that of the monitor. If a value contains a double quote, the payload is not \
         valid JSON: Firebell then refuses it with 400, and this alert source shows it as its last error.\n"
    }

    fn example(&self) -> Value {
        example("Triggered", "1772424690500")
    }

    fn example_resolved(&self) -> Value {
        example("Recovered", "1772425860000")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let body = parsed_alert::body(delivery.delivery(), None);
        parsed_alert::single("Datadog", &body, |fields| {
            monitor(fields, || delivery.delivery().content_key(&body))
        })
    }
}

/// Parses the state change of a monitor.
fn monitor(fields: &Map<String, Value>, content_key: impl FnOnce() -> String) -> ParseResult {
    let of = |names: &[&str]| names.iter().find_map(|name| filled(field::first_text(fields, &[name])?));
    let title = of(TITLE);
    let message = of(MESSAGE);
    let Some(key) = key(&of, title.as_deref()).or_else(|| {
        let something = title.is_some() || message.is_some() || of(TRANSITION).is_some();
        something.then(content_key)
    }) else {
        return Err(UnreadableReason::UnexpectedShape {
            expected: "a payload with a title, a key or a transition",
        });
    };
    let link = fields.get("links").and_then(|links| links.get(0)?.get("href")).and_then(field::plain);
    Ok(Some(ParsedAlert {
        status: Some(status(of(TRANSITION).as_deref())),
        key,
        title: title
            .or_else(|| Some(clip(message.as_ref()?.lines().next()?, 200).to_owned()))
            .or_else(|| Some("Datadog monitor without a title".to_owned())),
        description: message,
        url: of(&["link", "url"]).or(link),
        priority: of(&["alert_priority", "priority"])
            .or_else(|| filled(field::plain(fields.get("annotations")?.get("datadog/priority")?)?)),
        occurred_at: field::epoch(of(&["date"])),
    }))
}

/// The deduplication key: Datadog's own key, or the monitor and its scope, or the title without its state.
fn key(of: &impl Fn(&[&str]) -> Option<String>, title: Option<&str>) -> Option<String> {
    let by_monitor =
        || {
            let (monitor, scope) = (of(&["alert_id", "monitor_id"])?, of(&["scope", "alert_scope"]));
            Some(scope.map_or_else(
                || format!("monitor_id={monitor}"),
                |scope| format!("monitor_id={monitor}:{scope}"),
            ))
        };
    of(KEY).or_else(by_monitor).or_else(|| Some(format!("title={}", stripped(title?))))
}

/// Firing or resolved. Every unknown word fires.
fn status(word: Option<&str>) -> AlertStatus {
    match word.map(str::to_ascii_lowercase).as_deref() {
        Some("recovered" | "resolved" | "ok" | "success") => AlertStatus::Resolved,
        Some(_) | None => AlertStatus::Firing,
    }
}

/// The text, unless it is a variable that Datadog did not replace, or the `null` that Datadog writes for no value.
fn filled(text: String) -> Option<String> {
    let name = text.strip_prefix('$');
    let is_variable = name.is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    (!is_variable && text != "null").then_some(text)
}

/// A title without the groups in brackets at its start. One of them contains the state.
fn stripped(title: &str) -> &str {
    let mut rest = title.trim_start();
    while let Some(inside) = rest.strip_prefix('[') {
        let mut depth = 1;
        let end = inside.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '[') - i32::from(*c == ']');
            depth == 0
        });
        let Some((end, _)) = end else { break };
        let after = inside[end + 1..].trim_start();
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    rest
}

/// An example of a payload from our template.
fn example(transition: &str, date: &str) -> Value {
    json!({
        "id": if transition == "Triggered" { "7412000000000000001" } else { "7412000000000000002" },
        "title": format!("[P2] [{transition} on {{host:db-1}}] Disk of db-1 is almost full"),
        "alert_title": "Disk of db-1 is almost full",
        "transition": transition,
        "cycle_key": "8193700000000000000",
        "aggreg_key": "5d0f1bce8f3a6c27",
        "alert_id": "1234567",
        "scope": "host:db-1",
        "priority": "P2",
        "message": "The disk will be full in about 40 minutes.",
        "link": "https://app.datadoghq.com/monitors/1234567?group=host%3Adb-1",
        "snapshot": "https://p.datadoghq.com/snapshot/view/1234567.png",
        "tags": "env:production,host:db-1,monitor,team:platform",
        "date": date,
        "org_id": "4711"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_in_brackets_before_a_title_are_stripped() {
        let cases = [
            ("[P2] [Triggered on {host:a}] Disk", "Disk"),
            ("[Recovered on {host:a,path:[x]}] Disk", "Disk"),
            ("Disk [almost] full", "Disk [almost] full"),
            ("[Triggered]", "[Triggered]"),
            ("[P2] [Triggered", "[Triggered"),
            ("", ""),
        ];
        for (title, expected) in cases {
            assert_eq!(stripped(title), expected, "{title}");
        }
    }

    #[test]
    fn variable_that_was_not_replaced_is_absent() {
        for (text, kept) in [
            ("$ALERT_TITLE", false),
            ("$ID", false),
            ("null", false),
            ("$5 spent", true),
            ("$", true),
            ("P2", true),
        ] {
            assert_eq!(filled(text.to_owned()).is_some(), kept, "{text}");
        }
    }
}
