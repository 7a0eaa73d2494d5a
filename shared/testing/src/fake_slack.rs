//! A fake Slack workspace: it keeps what is posted, and can be down, slow or refuse calls.

pub mod requests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app::slack::SlackApp;
use domain::Timestamp;
use fastrand::Rng;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use slack::{Authorised, Authorization, CallError, Method, Reply, Request, Slack, Transport};

/// The signing secret of the app.
pub const SIGNING_SECRET: &str = "not-a-signing-secret-of-any-real-app";
/// The app's client id and client secret.
pub const CLIENT: (&str, &str) = ("1.2", "not-a-client-secret-of-any-real-app");
/// The workspace's id.
pub const TEAM: &str = "T0STORIES";
/// The user id of Firebell's bot.
pub const BOT: &str = "U0BOT";
/// The token of the workspace.
pub const TOKEN: &str = "xoxb-not-a-token-of-any-real-workspace";
/// The channel in which incidents are announced.
pub const ANNOUNCEMENTS: &str = "C0ANNOUNCE";
/// The OAuth code with which an administrator connects the workspace.
pub const CODE: &str = "not-a-code";

/// The people of the workspace: user ids and email addresses.
const PEOPLE: [(&str, &str); 5] = [
    ("U0ADA", "ada@example.com"),
    ("U0GRACE", "grace@example.com"),
    ("U0OLIVE", "olive@example.com"),
    ("U0OWNER", "owner@example.com"),
    ("U0EVE", "eve@example.com"),
];

/// How long it takes to answer when it is slow: less than any timeout.
const SLOW: Duration = Duration::from_secs(8);

/// The faults of Slack.
#[derive(Debug, Clone, Copy, Default)]
pub struct SlackFaults {
    /// Whether it is down.
    pub down: bool,
    /// The share of calls that it refuses as rate limited.
    pub refuses: f64,
    /// The share of calls that it executes, but whose answer is lost.
    pub mute: f64,
    /// Whether it limits each channel to one message a second.
    pub limits: bool,
    /// Whether it takes a call and never answers.
    pub hangs: bool,
    /// Whether it executes a call at once, but answers late.
    pub slow: bool,
    /// Whether the workspace's token is revoked.
    pub revoked: bool,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether only members see it.
    pub private: bool,
    /// Who created it.
    pub creator: String,
    /// Who is in it.
    pub members: BTreeSet<String>,
    /// Whether somebody has archived it.
    pub archived: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct PostedMessage {
    /// When it was posted.
    pub at: Timestamp,
    /// The id of its channel.
    pub channel: String,
    /// Its id.
    pub ts: String,
    /// The message that it replies to.
    pub below: Option<String>,
    /// Its text.
    pub text: String,
    /// Its blocks.
    pub blocks: Value,
    /// Its metadata.
    pub metadata: Value,
    /// How often it was edited.
    pub edits: u32,
}

impl PostedMessage {
    /// Its mark: it tells the message from others of its channel.
    pub fn mark(&self) -> &str {
        self.metadata["event_payload"]["mark"].as_str().unwrap_or_default()
    }

    /// The names of its buttons.
    pub fn buttons(&self) -> Vec<&str> {
        let blocks = self.blocks.as_array().into_iter().flatten();
        let elements = blocks
            .filter(|block| block["type"] == "actions")
            .flat_map(|block| block["elements"].as_array().into_iter().flatten());
        elements.filter_map(|element| element["action_id"].as_str()).collect()
    }
}

/// An answer that only one person sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateAnswer {
    /// The address of the answer.
    pub to: String,
    /// The text of the answer.
    pub text: String,
}

struct WorkspaceState {
    rng: Rng,
    faults: SlackFaults,
    channels: Vec<Channel>,
    messages: Vec<PostedMessage>,
    answers: Vec<PrivateAnswer>,
    views: Vec<Value>,
    triggers: BTreeSet<String>,
    calls: Vec<(Timestamp, &'static str)>,
    next: u64,
}

/// The fake Slack.
pub struct FakeSlack {
    clock: app::Clock,
    state: Mutex<WorkspaceState>,
}

/// The reply of a refused call.
fn refused(word: &str) -> Value {
    json!({ "ok": false, "error": word })
}

impl FakeSlack {
    /// Makes an empty workspace. It draws its faults from the seed.
    pub fn new(clock: app::Clock, seed: u64) -> Arc<Self> {
        let announcements = Channel {
            id: ANNOUNCEMENTS.to_owned(),
            name: "incidents".to_owned(),
            private: false,
            creator: "U0OWNER".to_owned(),
            members: BTreeSet::from([BOT.to_owned()]),
            archived: false,
        };
        let state = WorkspaceState {
            rng: Rng::with_seed(seed ^ 0x51ac),
            faults: SlackFaults::default(),
            channels: vec![announcements],
            messages: Vec::new(),
            answers: Vec::new(),
            views: Vec::new(),
            triggers: BTreeSet::new(),
            calls: Vec::new(),
            next: 1,
        };
        Arc::new(Self { clock, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, WorkspaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Slack app of the context.
    pub fn app(self: &Arc<Self>) -> SlackApp {
        SlackApp {
            signing_secret: Some(SecretString::from(SIGNING_SECRET)),
            client: Some((CLIENT.0.to_owned(), SecretString::from(CLIENT.1))),
            api: Some(Slack::new(self.clone())),
        }
    }

    /// The workspace's authorisation, as OAuth returns it.
    ///
    /// # Panics
    /// Never: the ids are valid.
    pub fn authorised(&self) -> Authorised {
        Authorised {
            team: TEAM.parse().expect("an id"),
            name: "Stories".to_owned(),
            bot: BOT.parse().expect("an id"),
            token: SecretString::from(TOKEN),
            channel: ANNOUNCEMENTS.parse().ok(),
        }
    }

    /// Changes the faults of Slack.
    pub fn set_faults(&self, faults: SlackFaults) {
        self.state().faults = faults;
    }

    /// The channels.
    pub fn channels(&self) -> Vec<Channel> {
        self.state().channels.clone()
    }

    /// The messages of a channel.
    pub fn messages_in(&self, channel: &str) -> Vec<PostedMessage> {
        self.state().messages.iter().filter(|said| said.channel == channel).cloned().collect()
    }

    /// Every message.
    pub fn messages(&self) -> Vec<PostedMessage> {
        self.state().messages.clone()
    }

    /// The answers that only one person sees.
    pub fn answers(&self) -> Vec<PrivateAnswer> {
        self.state().answers.clone()
    }

    /// The forms that were opened.
    pub fn views(&self) -> Vec<Value> {
        self.state().views.clone()
    }

    /// Every call that reached it, in order.
    pub fn calls(&self) -> Vec<(Timestamp, &'static str)> {
        self.state().calls.clone()
    }

    /// Creates a channel that belongs to another app.
    pub fn occupy(&self, name: &str) {
        let mut state = self.state();
        let id = state.fresh("C0OTHER");
        let creator = "U0EVE".to_owned();
        state.channels.push(Channel {
            id,
            name: name.to_owned(),
            private: false,
            members: BTreeSet::from([creator.clone()]),
            creator,
            archived: false,
        });
    }

    /// Deletes every message of a channel.
    pub fn delete(&self, channel: &str) {
        self.state().messages.retain(|said| said.channel != channel);
    }

    /// Archives a channel.
    pub fn archive(&self, id: &str) {
        let mut state = self.state();
        for channel in state.channels.iter_mut().filter(|channel| channel.id == id) {
            channel.archived = true;
        }
    }
}

impl WorkspaceState {
    fn fresh(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    /// Answers a call.
    fn answer(&mut self, method: Method, arguments: &Value, now: Timestamp) -> Value {
        let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        match method {
            Method::PostMessage => self.post(arguments, now),
            Method::Update => {
                let (channel, ts) = (text("channel"), text("ts"));
                let found = self.messages.iter_mut().find(|said| said.channel == channel && said.ts == ts);
                let Some(said) = found else { return refused("message_not_found") };
                said.text = text("text");
                said.blocks = arguments["blocks"].clone();
                said.edits += 1;
                json!({ "ok": true, "channel": channel, "ts": ts })
            }
            Method::Create => self.create(&text("name"), arguments["is_private"] == true),
            Method::List => {
                let channels: Vec<Value> = self
                    .channels
                    .iter()
                    .map(|c| json!({ "id": c.id, "name": c.name, "creator": c.creator }))
                    .collect();
                json!({ "ok": true, "channels": channels, "response_metadata": { "next_cursor": "" } })
            }
            Method::Invite => {
                let user = text("users");
                if !PEOPLE.iter().any(|(id, _)| *id == user) {
                    return refused("user_not_found");
                }
                let id = text("channel");
                let Some(channel) = self.channels.iter_mut().find(|channel| channel.id == id) else {
                    return refused("channel_not_found");
                };
                if channel.members.insert(user) {
                    json!({ "ok": true })
                } else {
                    refused("already_in_channel")
                }
            }
            Method::History => {
                let channel = text("channel");
                let messages = self.messages.iter().rev().filter(|said| said.channel == channel);
                let messages: Vec<Value> = messages
                    .take(100)
                    .map(|said| json!({ "ts": said.ts, "text": said.text, "metadata": said.metadata }))
                    .collect();
                json!({ "ok": true, "messages": messages })
            }
            Method::UserInfo => match PEOPLE.iter().find(|(id, _)| *id == text("user")) {
                Some((id, email)) => {
                    json!({ "ok": true, "user": { "id": id, "team_id": TEAM, "profile": { "email": email } } })
                }
                None => refused("user_not_found"),
            },
            Method::LookupByEmail => match PEOPLE.iter().find(|(_, email)| *email == text("email")) {
                Some((id, _)) => json!({ "ok": true, "user": { "id": id } }),
                None => refused("users_not_found"),
            },
            Method::OpenView => {
                if !self.triggers.insert(text("trigger_id")) {
                    return refused("trigger_exchanged");
                }
                self.views.push(arguments["view"].clone());
                json!({ "ok": true })
            }
            Method::OauthAccess if text("code") == CODE => json!({
                "ok": true, "access_token": TOKEN, "token_type": "bot", "bot_user_id": BOT,
                "team": { "id": TEAM, "name": "Stories" },
                "incoming_webhook": { "channel": "#incidents", "channel_id": ANNOUNCEMENTS },
            }),
            Method::OauthAccess => refused("invalid_code"),
        }
    }

    fn post(&mut self, arguments: &Value, now: Timestamp) -> Value {
        let channel = arguments["channel"].as_str().unwrap_or_default().to_owned();
        // A message to a person goes to the channel between the two.
        let direct = PEOPLE.iter().find(|(id, _)| *id == channel);
        let channel = match direct {
            Some((id, _)) => format!("D0{}", &id[2..]),
            None if self.channels.iter().any(|known| known.id == channel && known.archived) => {
                return refused("is_archived");
            }
            None if self.channels.iter().any(|known| known.id == channel) => channel,
            None => return refused("channel_not_found"),
        };
        let latest = self.messages.iter().rev().find(|said| said.channel == channel);
        let soon = latest.is_some_and(|said| now.duration_since(said.at) < SignedDuration::from_secs(1));
        if self.faults.limits && soon {
            return refused("ratelimited");
        }
        let ts = format!("{}.{:06}", now.as_second(), self.next);
        self.next += 1;
        let said = PostedMessage {
            at: now,
            channel: channel.clone(),
            ts: ts.clone(),
            below: arguments["thread_ts"].as_str().map(str::to_owned),
            text: arguments["text"].as_str().unwrap_or_default().to_owned(),
            blocks: arguments["blocks"].clone(),
            metadata: arguments["metadata"].clone(),
            edits: 0,
        };
        self.messages.push(said);
        json!({ "ok": true, "channel": channel, "ts": ts })
    }

    fn create(&mut self, name: &str, private: bool) -> Value {
        if self.channels.iter().any(|channel| channel.name == name) {
            return refused("name_taken");
        }
        let id = self.fresh("C0INC");
        let members = BTreeSet::from([BOT.to_owned()]);
        let creator = BOT.to_owned();
        self.channels.push(Channel {
            id: id.clone(),
            name: name.to_owned(),
            private,
            creator,
            members,
            archived: false,
        });
        json!({ "ok": true, "channel": { "id": id, "name": name } })
    }
}

impl FakeSlack {
    /// Executes a request, subject to the faults. Returns the reply, and whether it is lost.
    fn take(&self, request: &Request, now: Timestamp) -> Result<(Reply, bool), CallError> {
        let mut state = self.state();
        let SlackFaults { down, refuses, mute, revoked, .. } = state.faults;
        if down {
            return Err(CallError::unreachable("slack cannot be reached"));
        }
        if state.rng.f64() < refuses {
            let retry_after = Some(SignedDuration::from_secs(3));
            let body = r#"{"ok":false,"error":"ratelimited"}"#.to_owned();
            return Ok((Reply { status: 429, retry_after, body }, false));
        }
        let body = match request {
            Request::Call { method, authorization, arguments, .. } => {
                state.calls.push((now, method.name()));
                let known = match authorization {
                    Authorization::Bearer(token) => token.expose_secret() == TOKEN,
                    Authorization::App { id, secret } => (id.as_str(), secret.expose_secret()) == CLIENT,
                };
                match (known, revoked) {
                    (true, false) => state.answer(*method, arguments, now),
                    (true, true) => refused("token_revoked"),
                    (false, _) => refused("invalid_auth"),
                }
            }
            Request::Answer { to, message } => {
                state.calls.push((now, "answer"));
                let (to, text) = (to.expose_secret().to_owned(), message["text"].as_str());
                state.answers.push(PrivateAnswer { to, text: text.unwrap_or_default().to_owned() });
                json!({ "ok": true })
            }
        };
        let lost = state.rng.f64() < mute;
        let retry_after = (body["error"] == "ratelimited").then(|| SignedDuration::from_secs(1));
        let status = if retry_after.is_some() { 429 } else { 200 };
        Ok((Reply { status, retry_after, body: body.to_string() }, lost))
    }
}

impl Transport for FakeSlack {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(async move {
            let wait = self.state().rng.u64(1..200);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let SlackFaults { hangs, slow, .. } = self.state().faults;
            if hangs {
                std::future::pending::<()>().await;
            }
            let (reply, lost) = self.take(request, (self.clock)())?;
            if slow {
                tokio::time::sleep(SLOW).await;
            }
            if lost { Err(CallError::unreachable("slack did not answer in time")) } else { Ok(reply) }
        })
    }
}
