//! The port to Slack's Web API: one call and its answer. Two adapters: HTTPS, and a Slack for stories.

use domain::slack::TeamId;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::Value;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Posts a message.
    PostMessage,
    /// Changes a message.
    Update,
    /// Creates a channel.
    Create,
    /// Lists channels.
    List,
    /// Invites people into a channel.
    Invite,
    /// Reads messages of a channel.
    History,
    /// Tells who somebody is.
    UserInfo,
    /// Finds somebody by their address.
    LookupByEmail,
    /// Opens a form.
    OpenView,
    /// Exchanges a code for a token.
    OauthAccess,
}

impl Method {
    /// The name in Slack's API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PostMessage => "chat.postMessage",
            Self::Update => "chat.update",
            Self::Create => "conversations.create",
            Self::List => "conversations.list",
            Self::Invite => "conversations.invite",
            Self::History => "conversations.history",
            Self::UserInfo => "users.info",
            Self::LookupByEmail => "users.lookupByEmail",
            Self::OpenView => "views.open",
            Self::OauthAccess => "oauth.v2.access",
        }
    }

    /// Whether it takes JSON; what only reads takes a form.
    pub const fn takes_json(self) -> bool {
        match self {
            Self::PostMessage | Self::Update | Self::Create | Self::Invite | Self::OpenView => true,
            Self::List | Self::History | Self::UserInfo | Self::LookupByEmail | Self::OauthAccess => false,
        }
    }
}

/// A request to Slack.
#[derive(Debug, Clone)]
pub enum Request {
    /// A call of its API.
    Call {
        /// What.
        method: Method,
        /// The workspace, for whoever tells them apart.
        team: Option<TeamId>,
        /// The token, or the app's id and secret.
        authorization: Authorization,
        /// The arguments.
        arguments: Value,
    },
    /// An answer to whoever asked, where Slack said it is to go.
    Answer {
        /// The address.
        to: SecretString,
        /// The message.
        message: Value,
    },
}

/// Who calls.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// A workspace's token.
    Bearer(SecretString),
    /// The app itself.
    App {
        /// Its id.
        id: String,
        /// Its secret.
        secret: SecretString,
    },
}

/// What Slack replied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// How long it asks to be left alone.
    pub retry_after: Option<SignedDuration>,
    /// The body.
    pub body: String,
}

/// A call did not do what it was to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Slack did not answer, or said that it cannot just now. It may have done it all the same.
    #[error("{reason}")]
    Later {
        /// What it said.
        reason: String,
        /// How long it asks to be left alone.
        retry_after: Option<SignedDuration>,
    },
    /// Slack refused.
    #[error("Slack refused the request: {0}")]
    Refused(String),
}

impl CallError {
    /// Slack could not be reached.
    pub fn unreachable(reason: impl Into<String>) -> Self {
        Self::Later { reason: reason.into(), retry_after: None }
    }

    /// Whether Slack refused with this word.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Refused(refused) if refused == word)
    }
}

/// Words by which Slack says that the workspace's token is good for nothing any more.
const CUT_OFF: [&str; 3] = ["invalid_auth", "token_revoked", "account_inactive"];

/// Whether a refusal says that the workspace has to be connected anew.
pub fn is_cut_off(word: &str) -> bool {
    CUT_OFF.contains(&word)
}

/// Carries requests to Slack.
pub trait Transport: Send + Sync {
    /// Sends one request and returns what came back, whatever its status.
    ///
    /// # Errors
    /// [`CallError::Later`] if nothing came back; it may have been done all the same.
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, CallError>>;
}
