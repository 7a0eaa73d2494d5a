//! Slack messages in Block Kit: pure functions of values.
//!
//! Untrusted text is plain text, or escaped where markup is needed, so that a title mentions nobody.

use domain::id::{EscalationId, IncidentId, SeverityId};
use domain::slack::text::escape;
use domain::slack::{ButtonPress, ChannelId};
use domain::text::shorten;
use serde_json::{Value, json};

/// Slack's limits on texts.
const HEADER: usize = 150;
const SECTION: usize = 2900;
const FIELD: usize = 1900;

/// An incident as its message shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub id: IncidentId,
    /// The reference that people use: `INC-123`.
    pub reference: String,
    /// Its name.
    pub title: String,
    /// The summary.
    pub summary: Option<String>,
    /// The status.
    pub status: String,
    /// The severity.
    pub severity: Option<String>,
    /// The lead.
    pub lead: Option<String>,
    /// Who opened it.
    pub opened_by: String,
    /// Its channel.
    pub channel: Option<ChannelId>,
    /// The state of its notifications, in a sentence.
    pub paging: Option<String>,
    /// Whether somebody may still be notified.
    pub pages: bool,
    /// Whether it can be closed.
    pub resolves: bool,
}

/// A message: its fallback text and its blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The text where blocks are not shown.
    pub text: String,
    /// Its blocks.
    pub blocks: Vec<Value>,
}

/// Untrusted text as plain text.
fn plain(text: &str, most: usize) -> Value {
    json!({ "type": "plain_text", "text": shorten(text, most), "emoji": false })
}

/// Markup of our own, with untrusted text escaped in it.
fn markup(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": shorten(text, SECTION), "verbatim": true })
}

/// A label and untrusted text.
fn field(label: &str, words: &str) -> Value {
    json!({ "type": "mrkdwn", "text": format!("*{label}*\n{}", escape(&shorten(words, FIELD))), "verbatim": true })
}

/// A button.
fn button(press: ButtonPress, label: &str, style: Option<&str>) -> Value {
    let (action, value) = press.parts();
    let mut button = json!({
        "type": "button", "action_id": action, "value": value, "text": plain(label, 75),
    });
    if let Some(style) = style {
        button["style"] = json!(style);
    }
    button
}

/// The message of an incident. It is edited in place and has only buttons that still apply.
pub fn incident(shown: &Shown) -> Message {
    let name = format!("{} {}", shown.reference, shown.title);
    let mut blocks = vec![json!({ "type": "header", "text": plain(&name, HEADER) })];
    if let Some(summary) = &shown.summary {
        blocks.push(json!({ "type": "section", "text": plain(summary, SECTION) }));
    }
    let mut fields = vec![field("Status", &shown.status)];
    fields.push(field("Severity", shown.severity.as_deref().unwrap_or("not set")));
    fields.push(field("Lead", shown.lead.as_deref().unwrap_or("nobody")));
    if let Some(channel) = &shown.channel {
        fields
            .push(json!({ "type": "mrkdwn", "text": format!("*Channel*\n<#{channel}>"), "verbatim": true }));
    }
    blocks.push(json!({ "type": "section", "fields": fields }));
    let mut context = vec![plain(&format!("Opened by {}", shown.opened_by), FIELD)];
    if let Some(paging) = &shown.paging {
        context.push(plain(paging, FIELD));
    }
    blocks.push(json!({ "type": "context", "elements": context }));
    let mut buttons = Vec::new();
    if shown.pages {
        buttons.push(button(ButtonPress::Acknowledge(shown.id), "Acknowledge", Some("primary")));
    }
    if shown.resolves {
        buttons.push(button(ButtonPress::Update(shown.id), "Update", None));
        buttons.push(button(ButtonPress::Resolve(shown.id), "Resolve", None));
    }
    if !buttons.is_empty() {
        blocks.push(json!({ "type": "actions", "block_id": "incident", "elements": buttons }));
    }
    let text = format!("{}: {}", escape(&shorten(&name, FIELD)), escape(&shown.status));
    Message { text, blocks }
}

/// The message of an update in the incident's channel. Its author is named, not mentioned.
pub fn update(by: &str, message: Option<&str>, changes: &[String]) -> Message {
    let mut blocks = Vec::new();
    let title = format!("Update from {by}");
    blocks.push(json!({ "type": "section", "text": markup(&format!("*{}*", escape(&title))) }));
    if let Some(message) = message.filter(|message| !message.trim().is_empty()) {
        blocks.push(json!({ "type": "section", "text": plain(message, SECTION) }));
    }
    if !changes.is_empty() {
        let changes: Vec<Value> = changes.iter().take(8).map(|change| plain(change, FIELD)).collect();
        blocks.push(json!({ "type": "context", "elements": changes }));
    }
    let said = message.filter(|message| !message.trim().is_empty()).unwrap_or_default();
    let text = if said.is_empty() { title } else { format!("{title}: {said}") };
    Message { text: escape(&shorten(&text, FIELD)), blocks }
}

/// The direct message of a notification.
pub fn page(title: &str, escalation: EscalationId, source: Option<&str>, acknowledge: &str) -> Message {
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(if title.trim().is_empty() { "Notification" } else { title }, HEADER) }),
        json!({
            "type": "section",
            "text": plain("You are being notified. Until somebody acknowledges, others will be notified too.", FIELD),
        }),
    ];
    let mut buttons = vec![button(ButtonPress::AcknowledgePage(escalation), "Acknowledge", Some("primary"))];
    if is_link(acknowledge) {
        buttons.push(json!({
            "type": "button", "action_id": "look", "text": plain("Open in Firebell", 75), "url": acknowledge,
        }));
    }
    blocks.push(json!({ "type": "actions", "block_id": "page", "elements": buttons }));
    if let Some(source) = source {
        blocks.push(json!({ "type": "context", "elements": [plain(source, FIELD)] }));
    }
    Message { text: format!("Firebell alert: {}", escape(&shorten(title, FIELD))), blocks }
}

/// The direct message after nobody is notified any more: it has no button.
pub fn paged(title: &str, outcome: &str, source: Option<&str>) -> Message {
    let name = if title.trim().is_empty() { "Notification" } else { title };
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(name, HEADER) }),
        json!({ "type": "section", "text": plain(outcome, FIELD) }),
    ];
    if let Some(source) = source {
        blocks.push(json!({ "type": "context", "elements": [plain(source, FIELD)] }));
    }
    Message { text: format!("{}: {}", escape(&shorten(name, FIELD)), escape(outcome)), blocks }
}

/// Says whether Slack accepts a URL for a button.
fn is_link(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://")) && url.len() <= 3000
}

/// The callback ids of forms and the names of their fields.
pub mod form {
    /// The form of a new incident.
    pub const NEW: &str = "firebell_new";
    /// The form of an update.
    pub const UPDATE: &str = "firebell_update";
    /// The field of a name.
    pub const NAME: &str = "name";
    /// The field of a summary or a message.
    pub const TEXT: &str = "text";
    /// The field of a severity.
    pub const SEVERITY: &str = "severity";
}

/// A field of a form.
fn input(id: &str, label: &str, element: Value, optional: bool) -> Value {
    let mut element = element;
    element["action_id"] = json!(id);
    json!({
        "type": "input", "block_id": id, "optional": optional, "label": plain(label, 200), "element": element,
    })
}

/// The field of a severity; `None` if there are no severities.
fn severities(offered: &[(SeverityId, String)]) -> Option<Value> {
    let options: Vec<Value> = offered
        .iter()
        .take(100)
        .map(|(id, name)| json!({ "text": plain(name, 75), "value": id.to_string() }))
        .collect();
    let element = json!({ "type": "static_select", "options": options });
    (!options.is_empty()).then(|| input(form::SEVERITY, "Severity", element, true))
}

/// A form.
fn view(callback: &str, title: &str, submit: &str, about: &str, blocks: Vec<Value>) -> Value {
    json!({
        "type": "modal", "callback_id": callback, "private_metadata": about, "title": plain(title, 24),
        "submit": plain(submit, 24), "close": plain("Cancel", 24), "blocks": blocks,
    })
}

/// The form of a new incident.
pub fn new_form(offered: &[(SeverityId, String)], channel: &str) -> Value {
    let line = json!({ "type": "plain_text_input", "max_length": 250 });
    let text = json!({ "type": "plain_text_input", "multiline": true, "max_length": 2000 });
    let mut blocks = vec![
        input(form::NAME, "What is happening?", line, false),
        input(form::TEXT, "Summary: what is known so far", text, true),
    ];
    blocks.extend(severities(offered));
    view(form::NEW, "New incident", "Open", channel, blocks)
}

/// The form of an update.
pub fn update_form(incident: IncidentId, reference: &str, offered: &[(SeverityId, String)]) -> Value {
    let text = json!({ "type": "plain_text_input", "multiline": true, "max_length": 3000 });
    let mut blocks = vec![input(form::TEXT, "What has changed?", text, false)];
    blocks.extend(severities(offered));
    view(form::UPDATE, &format!("Update {reference}"), "Share", &incident.to_string(), blocks)
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    const EVIL: &str = "<!channel> & <@U1> *bold* :fire:";

    fn shown() -> Shown {
        Shown {
            id: IncidentId::new(Timestamp::UNIX_EPOCH, 1),
            reference: "INC-12".to_owned(),
            title: EVIL.to_owned(),
            summary: Some(EVIL.to_owned()),
            status: "Active".to_owned(),
            severity: Some("Major".to_owned()),
            lead: Some(EVIL.to_owned()),
            opened_by: "Ada".to_owned(),
            channel: Some("C123".parse().unwrap()),
            paging: Some("Nobody has answered yet.".to_owned()),
            pages: true,
            resolves: true,
        }
    }

    /// Finds a `<` in markup that is not our own.
    fn live(value: &Value, ours: &[&str]) -> Vec<String> {
        match value {
            Value::Object(object) => {
                let inside = object.values().flat_map(|value| live(value, ours));
                let mut found: Vec<String> = inside.collect();
                if object.get("type") == Some(&json!("mrkdwn")) {
                    let mut text = object["text"].as_str().unwrap().to_owned();
                    for known in ours {
                        text = text.replace(known, "");
                    }
                    found.extend(text.contains('<').then_some(text));
                }
                found
            }
            Value::Array(values) => values.iter().flat_map(|value| live(value, ours)).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn messages_are_as_they_were_looked_at() {
        insta::assert_json_snapshot!("incident", incident(&shown()).blocks);
        let over = Shown { pages: false, resolves: false, channel: None, paging: None, ..shown() };
        insta::assert_json_snapshot!("incident_that_is_over", incident(&over).blocks);
        let changes = ["Severity: Major".to_owned()];
        insta::assert_json_snapshot!("update", update("Ada", Some(EVIL), &changes).blocks);
        let escalation = EscalationId::new(Timestamp::UNIX_EPOCH, 2);
        insta::assert_json_snapshot!("page", page(EVIL, escalation, Some("https://x"), "https://a").blocks);
        insta::assert_json_snapshot!("paged", paged(EVIL, "Ada is on it.", Some("https://x")).blocks);
        let offered = [(SeverityId::new(Timestamp::UNIX_EPOCH, 3), "Major".to_owned())];
        insta::assert_json_snapshot!("new_form", new_form(&offered, "C123"));
        let about = IncidentId::new(Timestamp::UNIX_EPOCH, 1);
        insta::assert_json_snapshot!("update_form", update_form(about, "INC-12", &offered));
    }

    #[test]
    fn words_of_strangers_are_never_live() {
        let escalation = EscalationId::new(Timestamp::UNIX_EPOCH, 2);
        let evil = [EVIL.to_owned()];
        for message in [
            incident(&shown()),
            update(EVIL, Some(EVIL), &evil),
            page(EVIL, escalation, Some(EVIL), "https://a"),
            paged(EVIL, EVIL, Some(EVIL)),
        ] {
            assert_eq!(live(&json!(message.blocks), &["<#C123>"]), [""; 0]);
            assert!(!message.text.contains('<'), "{}", message.text);
        }
    }

    #[test]
    fn texts_keep_slacks_limits_however_long_they_are() {
        let long = "é".repeat(10_000);
        let message = incident(&Shown {
            title: long.clone(),
            summary: Some(long.clone()),
            lead: Some(long.clone()),
            ..shown()
        });

        let header = message.blocks[0]["text"]["text"].as_str().unwrap();
        assert!(header.chars().count() <= 150);
        assert!(message.blocks[1]["text"]["text"].as_str().unwrap().chars().count() <= 3000);
        for field in message.blocks[2]["fields"].as_array().unwrap() {
            assert!(field["text"].as_str().unwrap().chars().count() <= 2000);
        }
    }
}
