//! Datadog's monitors, through its webhooks integration.
//!
//! What arrives is a template that the customer wrote. Ours is in the instructions; others are read by the names that
//! people give to Datadog's variables. A variable that Datadog did not fill in arrives as it was typed, and is absent.

use domain::alert::AlertStatus;
use domain::text::clip;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::Reason;
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::{ParseError, Parsed, Verified, field};

/// Where templates have what happened. `ALERT_STATUS` is none of them: it is a text for people.
const TRANSITION: &[&str] = &["transition", "alert_transition", "status", "alert_type"];

/// Where templates have the title; the first has no state in it.
const TITLE: &[&str] = &["alert_title", "title", "event_title", "summary"];

/// Where templates have the text.
const MESSAGE: &[&str] = &["message", "event_msg", "text_only_msg", "body", "description"];

/// Where templates have what is the same in trigger and recovery, best first.
const KEY: &[&str] = &["cycle_key", "alert_cycle_key", "unique_key", "aggreg_key"];

/// Where a binding finds what our template has.
const SCOPE: &[Variable] = &[
    Variable::new("payload.transition", "What happened", VariableType::Text),
    Variable::new("payload.title", "Title of the event", VariableType::Text),
    Variable::new("payload.alert_id", "Id of the monitor", VariableType::Text),
    Variable::new("payload.scope", "What of the monitor it is", VariableType::Text),
    Variable::new("payload.priority", "Priority of the monitor", VariableType::Text),
    Variable::new("payload.tags", "Tags", VariableType::Text),
    Variable::new("payload.snapshot", "Image of the graph", VariableType::Url),
    Variable::new("payload.org_id", "Organisation at Datadog", VariableType::Text),
];

/// Datadog.
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
        "1. In Datadog, open Integrations → Webhooks → New, name it `firebell` and set *URL* to `{url}`.\n\
         2. Set *Payload* to\n\
         \n\
         ```json\n\
         {\"id\":\"$ID\",\"title\":\"$EVENT_TITLE\",\"alert_title\":\"$ALERT_TITLE\",\"transition\":\
         \"$ALERT_TRANSITION\",\"cycle_key\":\"$ALERT_CYCLE_KEY\",\"aggreg_key\":\"$AGGREG_KEY\",\"alert_id\":\
         \"$ALERT_ID\",\"scope\":\"$ALERT_SCOPE\",\"priority\":\"$ALERT_PRIORITY\",\"message\":\"$EVENT_MSG\",\"link\":\
         \"$LINK\",\"snapshot\":\"$SNAPSHOT\",\"tags\":\"$TAGS\",\"date\":\"$DATE\",\"org_id\":\"$ORG_ID\"}\n\
         ```\n\
         \n\
         3. Tick *Custom Headers* and set them to `{\"Authorization\": \"Bearer {secret}\"}`. Leave *Encode as form* \
         off. Save it.\n\
         4. Put `@webhook-firebell` into the message of each monitor that is to page, outside of conditions, so that \
         the recovery is sent too. *Test Notifications* in the monitor sends one.\n\
         \n\
         A monitor and what it is about are one alert: it begins with `Triggered`, `Warn` or `No Data`, and is over with \
         `Recovered`. The priority is the monitor's. A variable of your own with a quote in its value makes the payload \
         no JSON: it is then refused with 400, and this source says so.\n"
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

    fn parse(&self, delivery: Verified<'_>, spare_key: &str) -> Result<Parsed, ParseError> {
        told::one("Datadog", &told::body(delivery.delivery(), None), |fields| monitor(fields, spare_key))
    }
}

/// Reads what became of a monitor.
fn monitor(fields: &Map<String, Value>, spare_key: &str) -> Reading {
    let of = |names: &[&str]| names.iter().find_map(|name| filled(field::find(fields, &[name])?));
    let title = of(TITLE);
    let message = of(MESSAGE);
    let Some(key) = key(&of, title.as_deref()).or_else(|| {
        let something = title.is_some() || message.is_some() || of(TRANSITION).is_some();
        something.then(|| spare_key.to_owned())
    }) else {
        return Err(Reason::Shapeless { expected: "a payload with a title, a key or a transition" });
    };
    let link = fields.get("links").and_then(|links| links.get(0)?.get("href")).and_then(field::plain);
    Ok(Some(Told {
        status: Some(status(of(TRANSITION).as_deref())),
        key,
        title: title
            .or_else(|| Some(clip(message.as_ref()?.lines().next()?, 200).to_owned()))
            .or_else(|| Some("Monitor of Datadog without a title".to_owned())),
        description: message,
        url: of(&["link", "url"]).or(link),
        priority: of(&["alert_priority", "priority"])
            .or_else(|| filled(field::plain(fields.get("annotations")?.get("datadog/priority")?)?)),
        occurred_at: field::epoch(of(&["date"])),
    }))
}

/// What tells this alert from others: Datadog's own key, else the monitor and what it is about, else the title without
/// what is said of the state.
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

/// What happened; every word that does not say that it is over fires.
fn status(word: Option<&str>) -> AlertStatus {
    match word.map(str::to_ascii_lowercase).as_deref() {
        Some("recovered" | "resolved" | "ok" | "success") => AlertStatus::Resolved,
        Some(_) | None => AlertStatus::Firing,
    }
}

/// A text, unless it is a variable that was not filled in, or what Datadog writes for nothing.
fn filled(text: String) -> Option<String> {
    let name = text.strip_prefix('$');
    let typed = name.is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    (!typed && text != "null").then_some(text)
}

/// A title without the groups in brackets that it begins with, of which one says the state.
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

/// What our template becomes.
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
    fn variable_that_was_not_filled_in_is_absent() {
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
