//! The calls to Slack's Web API, and the meaning of their responses.

use std::sync::Arc;

use domain::slack::{ChannelId, SlackUserId, TeamId};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::transport::{Authorization, CallError, Method, Reply, Request, Transport};

/// The Slack client.
#[derive(Clone)]
pub struct Slack(Arc<dyn Transport>);

/// A workspace's token.
#[derive(Debug, Clone)]
pub struct Token {
    /// The workspace.
    pub team: TeamId,
    /// The token.
    pub secret: SecretString,
}

/// A message to post.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    /// The channel, or the person.
    pub channel: String,
    /// The message of the thread.
    pub below: Option<String>,
    /// The text where blocks are not shown, as in notifications.
    pub text: String,
    /// Its blocks.
    pub blocks: Vec<Value>,
    /// The metadata that identifies it in its channel.
    pub mark: String,
}

/// A posted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The channel.
    pub channel: ChannelId,
    /// The message.
    pub ts: String,
}

/// An installation of the app, as Slack reports it.
#[derive(Debug, Clone)]
pub struct Authorised {
    /// The workspace.
    pub team: TeamId,
    /// The workspace's name.
    pub name: String,
    /// Firebell's bot user.
    pub bot: SlackUserId,
    /// The token.
    pub token: SecretString,
    /// The channel that was chosen.
    pub channel: Option<ChannelId>,
}

/// The type of our messages' metadata.
const EVENT_TYPE: &str = "firebell_message";
/// How many messages are searched for one that may have been posted.
const LOOKED_AT: u32 = 100;
/// How many pages of channels are searched for an existing one.
const CHANNEL_PAGES: usize = 20;

/// Slack's error codes for temporary failures.
const PASSING: [&str; 9] = [
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "accesslimited",
    "org_login_required",
];

/// Parses a response: success, a refusal, or a temporary failure.
fn read(reply: Reply) -> Result<Value, CallError> {
    let Reply { status, retry_after, body } = reply;
    let later = |reason: String| Err(CallError::Later { reason, retry_after });
    if status == 429 || status >= 500 || status == 408 {
        return later(format!("Slack responded with {status}"));
    }
    let Ok(value) = serde_json::from_str::<Value>(&body) else {
        return later(format!("Slack responded with {status} but without JSON"));
    };
    if value["ok"] == true {
        return Ok(value);
    }
    let word: String = value["error"].as_str().unwrap_or("unknown_error").chars().take(60).collect();
    if PASSING.contains(&&*word) { later(word) } else { Err(CallError::Refused(word)) }
}

/// The error for a response without a required field.
fn lacks(what: &str) -> CallError {
    CallError::unreachable(format!("Slack's response has no {what}"))
}

/// Parses an id in a response.
fn id<T: std::str::FromStr>(value: &Value, what: &str) -> Result<T, CallError> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| lacks(what))
}

impl Slack {
    /// Slack over a transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self(transport)
    }

    async fn call(&self, token: &Token, method: Method, arguments: Value) -> Result<Value, CallError> {
        let authorization = Authorization::Bearer(token.secret.clone());
        let team = Some(token.team.clone());
        let request = Request::Call { method, team, authorization, arguments };
        read(self.0.send(&request).await?)
    }

    /// Posts a message.
    ///
    /// # Errors
    /// [`CallError`] if it was not posted, or if that is not known.
    pub async fn post(&self, token: &Token, message: &NewMessage) -> Result<Posted, CallError> {
        let mut arguments = json!({
            "channel": message.channel,
            "text": message.text,
            "blocks": message.blocks,
            "metadata": { "event_type": EVENT_TYPE, "event_payload": { "mark": message.mark } },
            "unfurl_links": false,
            "unfurl_media": false,
        });
        if let Some(ts) = &message.below {
            arguments["thread_ts"] = json!(ts);
        }
        let done = self.call(token, Method::PostMessage, arguments).await?;
        let ts = done["ts"].as_str().ok_or_else(|| lacks("ts"))?.to_owned();
        Ok(Posted { channel: id(&done["channel"], "channel")?, ts })
    }

    /// Finds a message that may have been posted although the response was lost.
    ///
    /// # Errors
    /// [`CallError`] if the channel cannot be read.
    pub async fn find_posted(
        &self,
        token: &Token,
        channel: &ChannelId,
        mark: &str,
        since: domain::Timestamp,
    ) -> Result<Option<Posted>, CallError> {
        // Slack's clock and ours may differ.
        let oldest = since.as_second().saturating_sub(60);
        let arguments = json!({
            "channel": channel, "oldest": oldest.to_string(), "limit": LOOKED_AT, "include_all_metadata": true,
        });
        let done = self.call(token, Method::History, arguments).await?;
        let messages = done["messages"].as_array().into_iter().flatten();
        let ours = messages.filter(|message| message["metadata"]["event_type"] == EVENT_TYPE);
        let mut ours = ours.filter(|message| message["metadata"]["event_payload"]["mark"] == mark);
        Ok(ours.find_map(|message| {
            Some(Posted { channel: channel.clone(), ts: message["ts"].as_str()?.to_owned() })
        }))
    }

    /// Updates a message; repeating it changes nothing.
    ///
    /// # Errors
    /// [`CallError`] if it was not changed, or if that is not known.
    pub async fn edit(
        &self,
        token: &Token,
        at: &Posted,
        text: &str,
        blocks: &[Value],
    ) -> Result<(), CallError> {
        let arguments = json!({ "channel": at.channel, "ts": at.ts, "text": text, "blocks": blocks });
        self.call(token, Method::Update, arguments).await.map(drop)
    }

    /// Creates a channel.
    ///
    /// # Errors
    /// [`CallError`] if it was not created, or if that is not known; `name_taken` if there is one.
    pub async fn create_channel(
        &self,
        token: &Token,
        name: &str,
        private: bool,
    ) -> Result<ChannelId, CallError> {
        let arguments = json!({ "name": name, "is_private": private });
        let done = self.call(token, Method::Create, arguments).await?;
        id(&done["channel"]["id"], "channel")
    }

    /// Finds a channel that Firebell created, by its name.
    ///
    /// # Errors
    /// [`CallError`] if channels cannot be listed.
    pub async fn find_channel(
        &self,
        token: &Token,
        name: &str,
        bot: &SlackUserId,
    ) -> Result<Option<ChannelId>, CallError> {
        let mut cursor = String::new();
        for _ in 0..CHANNEL_PAGES {
            let arguments = json!({
                "limit": 999, "exclude_archived": true, "types": "public_channel,private_channel", "cursor": cursor,
            });
            let done = self.call(token, Method::List, arguments).await?;
            let mut channels = done["channels"].as_array().into_iter().flatten();
            let ours = channels.find(|c| c["name"] == name && c["creator"] == bot.as_str());
            if let Some(channel) = ours {
                return id(&channel["id"], "channel").map(Some);
            }
            cursor = done["response_metadata"]["next_cursor"].as_str().unwrap_or_default().to_owned();
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    /// Invites a person to a channel; members stay.
    ///
    /// # Errors
    /// [`CallError`] if they were not invited, or if that is not known.
    pub async fn invite(
        &self,
        token: &Token,
        channel: &ChannelId,
        user: &SlackUserId,
    ) -> Result<(), CallError> {
        let arguments = json!({ "channel": channel, "users": user });
        match self.call(token, Method::Invite, arguments).await {
            Ok(_) => Ok(()),
            Err(error) if error.is("already_in_channel") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The email address of a Slack user; `None` if it is hidden, or they are not a person of this workspace.
    ///
    /// # Errors
    /// [`CallError`] if they cannot be looked at.
    pub async fn email_of(&self, token: &Token, user: &SlackUserId) -> Result<Option<String>, CallError> {
        let done = self.call(token, Method::UserInfo, json!({ "user": user })).await;
        let done = match done {
            Err(error) if error.is("user_not_found") || error.is("user_not_visible") => return Ok(None),
            done => done?,
        };
        let user = &done["user"];
        // People of other workspaces and deactivated users may have any address in their profile.
        let here = user["team_id"].as_str().is_none_or(|team| team == token.team.as_str());
        let person = user["deleted"] != true && user["is_bot"] != true && user["is_stranger"] != true;
        let confirmed = user["is_email_confirmed"] != false;
        let email = user["profile"]["email"].as_str().filter(|_| here && person && confirmed);
        Ok(email.map(str::to_owned))
    }

    /// The Slack user with an email address, if any.
    ///
    /// # Errors
    /// [`CallError`] if it cannot be looked up.
    pub async fn user_of(&self, token: &Token, email: &str) -> Result<Option<SlackUserId>, CallError> {
        match self.call(token, Method::LookupByEmail, json!({ "email": email })).await {
            Ok(done) => id(&done["user"]["id"], "user").map(Some),
            Err(error) if error.is("users_not_found") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a form. Slack accepts it for three seconds after the request.
    ///
    /// # Errors
    /// [`CallError`] if it was not opened.
    pub async fn open_view(&self, token: &Token, trigger: &str, view: &Value) -> Result<(), CallError> {
        let arguments = json!({ "trigger_id": trigger, "view": view });
        self.call(token, Method::OpenView, arguments).await.map(drop)
    }

    /// Sends a reply to a response URL; only the person sees it.
    ///
    /// # Errors
    /// [`CallError`] if it was not taken, or if that is not known.
    pub async fn answer(&self, to: &SecretString, text: &str, replaces: bool) -> Result<(), CallError> {
        let message = json!({ "response_type": "ephemeral", "replace_original": replaces, "text": text });
        let reply = self.0.send(&Request::Answer { to: to.clone(), message }).await?;
        match reply.status {
            200..=299 => Ok(()),
            429 | 500.. => Err(CallError::Later {
                reason: format!("Slack responded with {}", reply.status),
                retry_after: reply.retry_after,
            }),
            status => Err(CallError::Refused(format!("Slack responded with {status}"))),
        }
    }

    /// Exchanges an authorisation code for the workspace's token.
    ///
    /// # Errors
    /// [`CallError`] if it is none, or was used.
    pub async fn authorise(
        &self,
        (id, secret): (&str, &SecretString),
        code: &str,
        redirect: &str,
    ) -> Result<Authorised, CallError> {
        /// The characters around a name.
        #[derive(Deserialize)]
        struct Team {
            id: TeamId,
            name: Option<String>,
        }
        /// The channel that was chosen.
        #[derive(Deserialize)]
        struct Webhook {
            channel_id: ChannelId,
        }
        /// The answer.
        #[derive(Deserialize)]
        struct Access {
            access_token: String,
            bot_user_id: SlackUserId,
            team: Option<Team>,
            incoming_webhook: Option<Webhook>,
        }
        let authorization = Authorization::App { id: id.to_owned(), secret: secret.clone() };
        let arguments = json!({ "code": code, "redirect_uri": redirect });
        let request = Request::Call { method: Method::OauthAccess, team: None, authorization, arguments };
        let done = read(self.0.send(&request).await?)?;
        let access: Access =
            serde_json::from_value(done).map_err(|_| CallError::Refused("unreadable_answer".to_owned()))?;
        let team = access.team.ok_or_else(|| CallError::Refused("no_workspace".to_owned()))?;
        Ok(Authorised {
            name: team.name.unwrap_or_else(|| team.id.to_string()),
            team: team.id,
            bot: access.bot_user_id,
            token: SecretString::from(access.access_token),
            channel: access.incoming_webhook.map(|webhook| webhook.channel_id),
        })
    }
}

/// Parses the `Retry-After` header.
pub(crate) fn retry_after(header: Option<&str>) -> Option<SignedDuration> {
    let seconds: u32 = header?.trim().parse().ok()?;
    Some(SignedDuration::from_secs(i64::from(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_mean_done_never_or_another_time() {
        let reply = |status, body: &str| Reply {
            status,
            retry_after: retry_after(Some("30")),
            body: body.to_owned(),
        };
        assert!(read(reply(200, r#"{"ok":true}"#)).is_ok());
        assert!(read(reply(200, r#"{"ok":false,"error":"name_taken"}"#)).unwrap_err().is("name_taken"));
        for later in [
            reply(429, r#"{"ok":false,"error":"ratelimited"}"#),
            reply(200, r#"{"ok":false,"error":"ratelimited"}"#),
            reply(200, r#"{"ok":false,"error":"internal_error"}"#),
            reply(503, "<html>"),
            reply(200, "<html>"),
        ] {
            let error = read(later.clone()).unwrap_err();
            let CallError::Later { retry_after, .. } = error else { panic!("{later:?} {error:?}") };
            assert_eq!(retry_after, Some(SignedDuration::from_secs(30)));
        }
    }
}
