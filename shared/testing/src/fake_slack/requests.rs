//! Requests of Slack, with Slack's signature.

use axum::body::Body;
use domain::Timestamp;
use domain::slack::ButtonPress;
use http::{Request, header};
use ring::hmac;
use serde_json::{Value, json};

use super::{FakeSlack, SIGNING_SECRET, TEAM};

/// Percent-encodes a text for a form.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

/// Slack's signature of a body.
pub fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// A request with Slack's signature of now.
fn signed(path: &str, kind: &str, body: String, now: Timestamp) -> Request<Body> {
    let timestamp = now.as_second().to_string();
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, kind)
        .header("x-slack-signature", signature(SIGNING_SECRET, &timestamp, &body))
        .header("x-slack-request-timestamp", timestamp);
    request.body(Body::from(body)).expect("a request")
}

const FORM: &str = "application/x-www-form-urlencoded";

impl FakeSlack {
    /// The body of a slash command.
    pub fn command_body(user: &str, channel: &str, text: &str, trigger: &str) -> String {
        format!(
            "token=x&team_id={TEAM}&team_domain=stories&channel_id={channel}&channel_name=x&user_id={user}&\
             command=%2Finc&text={}&response_url={}&trigger_id={trigger}",
            encoded(text),
            encoded(&format!("https://hooks.slack.com/commands/{TEAM}/{trigger}")),
        )
    }

    /// The request of a slash command.
    pub fn command(&self, user: &str, channel: &str, text: &str, trigger: &str) -> Request<Body> {
        let body = Self::command_body(user, channel, text, trigger);
        signed("/slack/command", FORM, body, (self.clock)())
    }

    /// The request of a pressed button.
    pub fn press(&self, user: &str, channel: &str, press: ButtonPress, at: &str) -> Request<Body> {
        let (action, value) = press.parts();
        let payload = json!({
            "type": "block_actions", "team": {"id": TEAM, "domain": "stories"},
            "user": {"id": user, "team_id": TEAM, "name": "x"}, "channel": {"id": channel},
            "container": {"type": "message", "message_ts": "1.2", "channel_id": channel},
            "trigger_id": format!("trigger.{at}"), "response_url": format!("https://hooks.slack.com/actions/{TEAM}/{at}"),
            "actions": [{"type": "button", "action_id": action, "block_id": "incident", "value": value, "action_ts": at}],
        });
        self.interaction(&payload)
    }

    /// The request of a submitted form.
    pub fn form(
        &self,
        user: &str,
        callback: &str,
        about: &str,
        values: &[(&str, Value)],
        id: &str,
    ) -> Request<Body> {
        let values = values.iter().map(|(name, value)| {
            let filled = if value.is_object() {
                json!({ "type": "static_select", "selected_option": value })
            } else {
                json!({ "type": "plain_text_input", "value": value })
            };
            ((*name).to_owned(), json!({ *name: filled }))
        });
        let values: serde_json::Map<String, Value> = values.collect();
        self.interaction(&json!({
            "type": "view_submission", "team": {"id": TEAM}, "user": {"id": user, "team_id": TEAM},
            "trigger_id": "3.4", "response_urls": [],
            "view": {"id": id, "type": "modal", "callback_id": callback, "private_metadata": about, "hash": "1.a",
                     "state": {"values": values}},
        }))
    }

    fn interaction(&self, payload: &Value) -> Request<Body> {
        let body = format!("payload={}", encoded(&payload.to_string()));
        signed("/slack/interaction", FORM, body, (self.clock)())
    }

    /// The request of an event.
    pub fn event(&self, event: &Value, id: &str) -> Request<Body> {
        let body = json!({
            "token": "x", "team_id": TEAM, "api_app_id": "A1", "type": "event_callback", "event_id": id,
            "event_time": 1, "event": event,
        });
        signed("/slack/event", "application/json", body.to_string(), (self.clock)())
    }

    /// The request that verifies the address of events.
    pub fn challenge(&self, challenge: &str) -> Request<Body> {
        let body = json!({ "token": "x", "type": "url_verification", "challenge": challenge });
        signed("/slack/event", "application/json", body.to_string(), (self.clock)())
    }
}
