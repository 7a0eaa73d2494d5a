//! Parses what Slack sends: slash commands, interactions and events. Unknown content is ignored.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::slack::{
    ButtonPress, PinnedMessage, SlackAction, SlackMessage, SlackRequest, SubmittedForm, TeamId,
};
use domain::text::{clip, fingerprint, present};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::block::form;

/// The most bytes of a text that are read.
const TEXT_BYTES: usize = 8 * 1024;

/// The meaning of a payload.
#[derive(Debug, Clone)]
pub enum Heard {
    /// A message to handle.
    Work(Box<SlackMessage>),
    /// Slack expects its challenge as the response.
    Challenge(String),
    /// Nothing to do.
    Nothing,
}

/// The error for an invalid payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request body is not a known Slack payload")]
pub struct Unreadable;

/// Parses a form. A repeated field counts once.
pub fn fields(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let decoded = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// Parses a slash command.
///
/// # Errors
/// [`Unreadable`] if it is none.
pub fn command(body: &[u8], at: Timestamp) -> Result<Heard, Unreadable> {
    let mut fields = fields(body);
    if fields.contains_key("ssl_check") {
        return Ok(Heard::Nothing);
    }
    let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_empty());
    let trigger = take("trigger_id").ok_or(Unreadable)?;
    let asked = SlackRequest {
        team: take("team_id").and_then(|id| id.parse().ok()).ok_or(Unreadable)?,
        user: take("user_id").and_then(|id| id.parse().ok()).ok_or(Unreadable)?,
        channel: take("channel_id").and_then(|id| id.parse().ok()),
        key: format!("slack trigger {trigger}"),
        at,
        answer_to: take("response_url"),
        trigger: Some(trigger),
        action: SlackAction::Command { text: clip(&take("text").unwrap_or_default(), TEXT_BYTES).to_owned() },
    };
    Ok(work(asked))
}

/// A request of a person.
fn work(asked: SlackRequest) -> Heard {
    Heard::Work(Box::new(SlackMessage::Request(Box::new(asked))))
}

/// A text in a payload.
fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// An id in a payload.
fn id<T: std::str::FromStr>(value: &Value, pointer: &str) -> Option<T> {
    text(value, pointer)?.parse().ok()
}

/// Parses an interaction: a button or a form.
///
/// # Errors
/// [`Unreadable`] if it is none.
pub fn interaction(body: &[u8], at: Timestamp) -> Result<Heard, Unreadable> {
    let payload = fields(body).remove("payload").ok_or(Unreadable)?;
    let payload: Value = serde_json::from_str(&payload).map_err(|_| Unreadable)?;
    let kind = text(&payload, "/type").ok_or(Unreadable)?;
    let ask = match kind {
        "block_actions" => pressed(&payload),
        "view_submission" => submitted(&payload),
        // The app subscribes to no other interactions.
        _ => None,
    };
    let Some((ask, key)) = ask else { return Ok(Heard::Nothing) };
    let team: TeamId = id(&payload, "/team/id").ok_or(Unreadable)?;
    // A person of another workspace in a shared channel is ignored.
    if text(&payload, "/user/team_id").is_some_and(|other| other != team.as_str()) {
        return Ok(Heard::Nothing);
    }
    Ok(work(SlackRequest {
        team,
        user: id(&payload, "/user/id").ok_or(Unreadable)?,
        channel: id(&payload, "/channel/id").or_else(|| id(&payload, "/container/channel_id")),
        key,
        at,
        answer_to: text(&payload, "/response_url").map(str::to_owned),
        trigger: text(&payload, "/trigger_id").map(str::to_owned),
        action: ask,
    }))
}

/// The pressed button, and the key that identifies this press.
fn pressed(payload: &Value) -> Option<(SlackAction, String)> {
    let action = payload.pointer("/actions/0")?;
    let press = ButtonPress::named(text(action, "/action_id")?, text(action, "/value")?)?;
    let (name, about) = press.parts();
    let user = text(payload, "/user/id").unwrap_or_default();
    let at = text(action, "/action_ts").or_else(|| text(payload, "/trigger_id")).unwrap_or_default();
    Some((SlackAction::Press(press), format!("slack press {user} {at} {name} {about}")))
}

/// The submitted form, and the key that identifies it.
fn submitted(payload: &Value) -> Option<(SlackAction, String)> {
    let view = payload.get("view")?;
    let filled = |field: &str, what: &str| {
        let value = view.pointer(&format!("/state/values/{field}/{field}{what}"))?.as_str()?;
        present(Some(clip(value, TEXT_BYTES).to_owned()))
    };
    let severity = || filled(form::SEVERITY, "/selected_option/value")?.parse().ok();
    let form = match text(view, "/callback_id")? {
        form::NEW => SubmittedForm::New {
            name: filled(form::NAME, "/value")?,
            summary: filled(form::TEXT, "/value"),
            severity: severity(),
        },
        form::UPDATE => SubmittedForm::Update {
            incident: text(view, "/private_metadata")?.parse().ok()?,
            message: filled(form::TEXT, "/value")?,
            severity: severity(),
        },
        _ => return None,
    };
    Some((SlackAction::Form(form), format!("slack view {}", text(view, "/id")?)))
}

/// Parses a request of the Events API.
///
/// # Errors
/// [`Unreadable`] if it is none.
pub fn event(body: &[u8], at: Timestamp) -> Result<Heard, Unreadable> {
    let payload: Value = serde_json::from_slice(body).map_err(|_| Unreadable)?;
    match text(&payload, "/type").ok_or(Unreadable)? {
        "url_verification" => {
            let challenge = text(&payload, "/challenge").ok_or(Unreadable)?;
            return Ok(Heard::Challenge(clip(challenge, TEXT_BYTES).to_owned()));
        }
        "event_callback" => {}
        _ => return Ok(Heard::Nothing),
    }
    let team: TeamId = id(&payload, "/team_id").ok_or(Unreadable)?;
    let event = payload.get("event").ok_or(Unreadable)?;
    let kind = text(event, "/type").ok_or(Unreadable)?;
    if matches!(kind, "app_uninstalled" | "tokens_revoked") {
        // Only the bot token counts, not the token of a user.
        let ours = kind == "app_uninstalled" || event.pointer("/tokens/bot/0").is_some();
        let removed = SlackMessage::Removed { team, at };
        return Ok(if ours { Heard::Work(Box::new(removed)) } else { Heard::Nothing });
    }
    // Messages of bots, including our own, are ignored.
    if event.get("bot_id").is_some_and(|bot| !bot.is_null()) {
        return Ok(Heard::Nothing);
    }
    let other = |pointer: &str| text(event, pointer).is_some_and(|other| other != team.as_str());
    if other("/user_team") || other("/team") {
        return Ok(Heard::Nothing);
    }
    let Some(ask) = ask_of(kind, event) else { return Ok(Heard::Nothing) };
    let Some(user) = id(event, "/user") else { return Ok(Heard::Nothing) };
    // An event without an id is identified by its content.
    let spare = || fingerprint(body, 32);
    let key = text(&payload, "/event_id").map_or_else(spare, str::to_owned);
    Ok(work(SlackRequest {
        team,
        user,
        channel: id(event, "/channel").or_else(|| id(event, "/channel_id")),
        key: format!("slack event {key}"),
        at,
        answer_to: None,
        trigger: None,
        action: ask,
    }))
}

/// The action of an event.
fn ask_of(kind: &str, event: &Value) -> Option<SlackAction> {
    match kind {
        "app_mention" => {
            let said = text(event, "/text").unwrap_or_default();
            // The text before the mention is not addressed to Firebell.
            let (_, after) = said.split_once("<@")?;
            let (_, after) = after.split_once('>')?;
            let ts = text(event, "/thread_ts").or_else(|| text(event, "/ts"))?;
            Some(SlackAction::Mention { text: clip(after.trim(), TEXT_BYTES).to_owned(), ts: ts.to_owned() })
        }
        "pin_added" => {
            let message = event.pointer("/item/message")?;
            Some(SlackAction::Pin(PinnedMessage {
                ts: text(message, "/ts")?.to_owned(),
                author: id(message, "/user"),
                text: clip(text(message, "/text").unwrap_or_default(), TEXT_BYTES).to_owned(),
            }))
        }
        "member_joined_channel" => Some(SlackAction::Joined),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::id::{IncidentId, SeverityId};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn asked(heard: Result<Heard, Unreadable>) -> SlackRequest {
        match heard.unwrap() {
            Heard::Work(message) => match *message {
                SlackMessage::Request(asked) => *asked,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn is_nothing(heard: Result<Heard, Unreadable>) -> bool {
        matches!(heard, Ok(Heard::Nothing))
    }

    fn encoded(payload: &Value) -> Vec<u8> {
        let text =
            percent_encoding::utf8_percent_encode(&payload.to_string(), percent_encoding::NON_ALPHANUMERIC)
                .to_string();
        format!("payload={text}").into_bytes()
    }

    fn button(action: &str, value: &str) -> Value {
        json!({
            "type": "block_actions", "team": {"id": "T1A"}, "user": {"id": "U1A", "team_id": "T1A"},
            "channel": {"id": "C1A"}, "response_url": "https://hooks.slack.com/actions/x", "trigger_id": "1.2",
            "actions": [{"action_id": action, "value": value, "action_ts": "5.6", "type": "button"}],
        })
    }

    #[test]
    fn command_is_read_with_its_signs_and_spaces() {
        let body = b"token=x&team_id=T1A&channel_id=C1A&user_id=U1A&command=%2Finc&text=a%2Bb+%26+c&\
                     response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1&trigger_id=13.37";

        let asked = asked(command(body, AT));

        assert_eq!(asked.action, SlackAction::Command { text: "a+b & c".to_owned() });
        assert_eq!((asked.key.as_str(), asked.trigger.as_deref()), ("slack trigger 13.37", Some("13.37")));
        assert!(is_nothing(command(b"ssl_check=1&token=x", AT)));
        for bad in [&b""[..], b"team_id=T1A", b"team_id=t1&user_id=U1A&trigger_id=1", b"{}"] {
            assert_eq!(command(bad, AT).unwrap_err(), Unreadable);
        }
    }

    #[test]
    fn buttons_are_ours_or_nothing() {
        let incident = IncidentId::new(AT, 1);
        let id = incident.to_string();

        let asked = asked(interaction(&encoded(&button("resolve", &id)), AT));

        assert_eq!(asked.action, SlackAction::Press(ButtonPress::Resolve(incident)));
        assert_eq!(asked.key, format!("slack press U1A 5.6 resolve {id}"));
        assert!(is_nothing(interaction(&encoded(&button("a", "click_me_123")), AT)));
        let mut stranger = button("resolve", &id);
        stranger["user"]["team_id"] = json!("T2B");
        assert!(is_nothing(interaction(&encoded(&stranger), AT)), "another workspace's");
        assert_eq!(interaction(b"payload=%7B", AT).unwrap_err(), Unreadable);
    }

    #[test]
    fn forms_are_read_by_their_fields() {
        let severity = SeverityId::new(AT, 3);
        let view = json!({
            "type": "view_submission", "team": {"id": "T1A"}, "user": {"id": "U1A"},
            "view": {"id": "V1", "callback_id": "firebell_new", "private_metadata": "C1A", "state": {"values": {
                "name": {"name": {"type": "plain_text_input", "value": "Disk full"}},
                "text": {"text": {"type": "plain_text_input", "value": null}},
                "severity": {"severity": {"type": "static_select", "selected_option": {"value": severity.to_string()}}},
            }}},
        });

        let asked = asked(interaction(&encoded(&view), AT));

        let name = "Disk full".to_owned();
        assert_eq!(
            asked.action,
            SlackAction::Form(SubmittedForm::New { name, summary: None, severity: Some(severity) })
        );
        assert_eq!(asked.key, "slack view V1");
    }

    #[test]
    fn events_are_heard_or_left_alone() {
        let of = |event: Value| {
            let payload =
                json!({"type": "event_callback", "team_id": "T1A", "event_id": "Ev1", "event": event});
            event_of(&payload)
        };
        fn event_of(payload: &Value) -> Result<Heard, Unreadable> {
            event(payload.to_string().as_bytes(), AT)
        }
        let mention = json!({"type": "app_mention", "user": "U1A", "text": "hey <@U0B> status", "ts": "1.2", "channel": "C1A"});
        assert_eq!(
            asked(of(mention.clone())).action,
            SlackAction::Mention { text: "status".to_owned(), ts: "1.2".to_owned() }
        );
        let mut bot = mention.clone();
        bot["bot_id"] = json!("B1");
        assert!(is_nothing(of(bot)));
        let mut stranger = mention;
        stranger["user_team"] = json!("T2B");
        assert!(is_nothing(of(stranger)));

        let pin = json!({"type": "pin_added", "user": "U1A", "channel_id": "C1A", "item": {"type": "message",
            "channel": "C1A", "message": {"type": "message", "user": "U2B", "text": "it was DNS", "ts": "7.8"}}});
        let pinned = asked(of(pin));
        assert_eq!(pinned.channel, "C1A".parse().ok());
        let SlackAction::Pin(pin) = pinned.action else { panic!("no pin") };
        assert_eq!((pin.ts.as_str(), pin.text.as_str()), ("7.8", "it was DNS"));

        assert!(matches!(
            event_of(&json!({"type": "url_verification", "challenge": "x", "token": "y"})),
            Ok(Heard::Challenge(challenge)) if challenge == "x"
        ));
        assert!(matches!(of(json!({"type": "app_uninstalled"})), Ok(Heard::Work(message)) if
            matches!(*message, SlackMessage::Removed { .. })));
        assert!(is_nothing(of(json!({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}))));
        assert!(is_nothing(of(json!({"type": "emoji_changed"}))));
        assert!(is_nothing(event_of(&json!({"type": "app_rate_limited", "team_id": "T1A"}))));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = command(&bytes, AT);
            let _ = interaction(&bytes, AT);
            let _ = event(&bytes, AT);
        }
    }
}
