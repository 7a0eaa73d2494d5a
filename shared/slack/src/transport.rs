//! The port to Slack's Web API, with two adapters: HTTPS, and a fake for tests.

use domain::slack::TeamId;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::Value;

/// A method of the API.
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
    /// Looks up a user.
    UserInfo,
    /// Finds a user by their email address.
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

    /// Says whether it takes JSON; methods that only read take a form.
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
        /// The workspace, for transports that distinguish them.
        team: Option<TeamId>,
        /// The token, or the app's id and secret.
        authorization: Authorization,
        /// The arguments.
        arguments: Value,
    },
    /// A reply to a response URL.
    Answer {
        /// The address.
        to: SecretString,
        /// The message.
        message: Value,
    },
}

/// How a call is authorised.
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

/// Slack's response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The time in `Retry-After`.
    pub retry_after: Option<SignedDuration>,
    /// The body.
    pub body: String,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Slack did not respond, or failed temporarily. It may have carried out the call.
    #[error("{reason}")]
    Later {
        /// The reason.
        reason: String,
        /// The time in `Retry-After`.
        retry_after: Option<SignedDuration>,
    },
    /// Slack refused the call.
    #[error("Slack refused the request: {0}")]
    Refused(String),
}

impl CallError {
    /// Slack could not be reached.
    pub fn unreachable(reason: impl Into<String>) -> Self {
        Self::Later { reason: reason.into(), retry_after: None }
    }

    /// Says whether Slack refused with this error code.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Refused(refused) if refused == word)
    }
}

/// Slack's error codes for a token that is no longer valid.
const CUT_OFF: [&str; 3] = ["invalid_auth", "token_revoked", "account_inactive"];

/// Says whether the workspace has to be connected again.
pub fn is_cut_off(word: &str) -> bool {
    CUT_OFF.contains(&word)
}

/// A transport for requests to Slack.
pub trait Transport: Send + Sync {
    /// Sends one request and returns the response, whatever its status.
    ///
    /// # Errors
    /// [`CallError::Later`] if nothing came back; it may have been done all the same.
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, CallError>>;
}
