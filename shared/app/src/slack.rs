//! Slack: the requests of people there, and the steps that are to be done there.

mod act;
pub mod ask;
pub mod connect;
mod find;
mod follow;
pub mod owed;
mod perform;
mod person;
mod present;
pub mod step;
mod unpage;

use std::sync::Arc;

use domain::Timestamp;
use domain::id::OrgId;
use domain::message::Envelope;
use domain::org::Org;
use domain::slack::{SlackRequest, Workspace};
use domain::trace::Trace;
use futures_util::future::BoxFuture;
use notify::{BoxError, WorkspaceTokens};
use secrecy::SecretString;
use slack::{Slack, Token};
use store::Store;

use crate::seal::{Seal, Unopened};
use crate::{AppError, Context, Rules};

/// The settings of the installation's Slack app; all of them are `None` without one.
#[derive(Clone, Default)]
pub struct SlackApp {
    /// The secret that signs Slack's requests.
    pub signing_secret: Option<SecretString>,
    /// The id and secret by which the app is installed.
    pub client: Option<(String, SecretString)>,
    /// The client of Slack's API.
    pub api: Option<Slack>,
}

/// Everything that work in Slack needs.
#[derive(Clone)]
pub struct Desk {
    pub(crate) store: Store,
    pub(crate) rules: Rules,
    pub(crate) seal: Arc<Seal>,
    pub(crate) slack: Option<Slack>,
}

/// The purpose for which a token is sealed.
fn place(workspace: &str) -> String {
    format!("slack/{workspace}")
}

/// Opens the token of a workspace.
///
/// # Errors
/// [`Unopened`] if it was sealed under another key.
pub(crate) fn token(seal: &Seal, workspace: &Workspace) -> Result<Token, Unopened> {
    let secret = seal.open(&place(workspace.team.as_str()), &workspace.token)?;
    Ok(Token { team: workspace.team.clone(), secret })
}

impl From<Unopened> for AppError {
    fn from(error: Unopened) -> Self {
        Self::Unavailable { what: "a sealed secret", source: Box::new(error) }
    }
}

impl Desk {
    /// Takes from the context what work in Slack needs.
    pub fn new(ctx: &Context) -> Self {
        Self {
            store: ctx.store.clone(),
            rules: Rules::new(ctx.store.clone()),
            seal: ctx.seal.clone(),
            slack: ctx.slack.api.clone(),
        }
    }

    /// The connection to an organisation's workspace; `None` if no workspace is connected.
    pub(crate) fn connection(&self, org: &Org) -> Result<Option<Connection>, AppError> {
        let (Some(slack), Some(workspace)) = (&self.slack, &org.slack) else { return Ok(None) };
        let token = token(&self.seal, workspace)?;
        Ok(Some(Connection { slack: slack.clone(), token, workspace: workspace.clone() }))
    }
}

/// A connection to a workspace.
pub(crate) struct Connection {
    pub(crate) slack: Slack,
    pub(crate) token: Token,
    pub(crate) workspace: Workspace,
}

/// The organisation for which work is done, with its rules and its connection.
pub(crate) struct Room<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) org: OrgId,
    pub(crate) rules: Arc<crate::rules::Snapshot>,
    pub(crate) connection: Connection,
    pub(crate) trace: &'a Trace,
    pub(crate) now: Timestamp,
}

/// Finds the tokens of organisations' workspaces, for the channel that sends direct messages.
pub struct Workspaces {
    store: Store,
    seal: Arc<Seal>,
}

impl Workspaces {
    /// Reads them from the store.
    pub const fn new(store: Store, seal: Arc<Seal>) -> Self {
        Self { store, seal }
    }
}

impl WorkspaceTokens for Workspaces {
    fn token(&self, org: OrgId) -> BoxFuture<'_, Result<Option<Token>, BoxError>> {
        Box::pin(async move {
            let org = self.store.org(org).await?;
            let workspace = org.and_then(|org| org.slack);
            Ok(workspace.map(|workspace| token(&self.seal, &workspace)).transpose()?)
        })
    }
}

/// Puts a request on its queue. Once this returns, it is durable.
///
/// # Errors
/// [`AppError`] if it may not have arrived.
pub async fn hear(ctx: &Context, trace: Trace, message: &SlackRequest) -> Result<(), AppError> {
    let envelope = Envelope::new(trace, message);
    let body = serde_json::to_string(&envelope).expect("messages are plain values");
    let outgoing = store::Outgoing { body, delay: 0, group: None };
    Ok(ctx.queues.send(domain::message::Queue::SlackWork, vec![outgoing]).await?)
}

/// Does what a request asks for.
///
/// # Errors
/// [`AppError`] if the message must come again.
pub async fn work(
    desk: &Desk,
    request: &SlackRequest,
    trace: &Trace,
    now: Timestamp,
) -> Result<(), AppError> {
    match request {
        SlackRequest::Asked(asked) => ask::ask(desk, asked, trace, now).await,
        SlackRequest::Removed { team, at } => connect::removed(&desk.store, team, *at).await,
    }
}
