//! Slack: requests of people, and work that is owed to Slack.

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
use domain::slack::{SlackMessage, Workspace};
use domain::trace::Trace;
use futures_util::future::BoxFuture;
use notify::{BoxError, WorkspaceTokens};
use secrecy::SecretString;
use slack::{Slack, Token};
use store::Store;

use crate::seal::{Seal, Unopened};
use crate::{AppError, Context, Rules};

/// The settings of the Slack app of an installation; all `None` if it has no app.
#[derive(Clone, Default)]
pub struct SlackApp {
    /// The secret that signs Slack's requests.
    pub signing_secret: Option<SecretString>,
    /// The app's client id and secret, with which it is installed.
    pub client: Option<(String, SecretString)>,
    /// The Slack client.
    pub api: Option<Slack>,
}

/// The services that requests from Slack and work for Slack need.
#[derive(Clone)]
pub struct SlackServices {
    pub(crate) store: Store,
    pub(crate) rules: Rules,
    pub(crate) seal: Arc<Seal>,
    pub(crate) slack: Option<Slack>,
}

/// The place for which a workspace token is sealed.
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

impl SlackServices {
    /// The services from the function's context.
    pub fn new(ctx: &Context) -> Self {
        Self {
            store: ctx.store.clone(),
            rules: Rules::new(ctx.store.clone()),
            seal: ctx.seal.clone(),
            slack: ctx.slack.api.clone(),
        }
    }

    /// The connection to an organisation's workspace; `None` if it has none.
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

/// The context of one request from Slack: the organisation, its rules and its workspace.
pub(crate) struct SlackRequestContext<'a> {
    pub(crate) services: &'a SlackServices,
    pub(crate) org: OrgId,
    pub(crate) rules: Arc<crate::rules::Snapshot>,
    pub(crate) connection: Connection,
    pub(crate) trace: &'a Trace,
    pub(crate) now: Timestamp,
}

/// Looks up workspace tokens for the Slack notification channel.
pub struct Workspaces {
    store: Store,
    seal: Arc<Seal>,
}

impl Workspaces {
    /// Reads tokens from the store.
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

/// Queues a message from Slack. Once this returns, the message is durable.
///
/// # Errors
/// [`AppError`] if it may not have arrived.
pub async fn hear(ctx: &Context, trace: Trace, message: &SlackMessage) -> Result<(), AppError> {
    let envelope = Envelope::new(trace, message);
    let body = serde_json::to_string(&envelope).expect("messages are plain values");
    let outgoing = store::Outgoing { body, delay: 0, group: None };
    Ok(ctx.queues.send(domain::message::Queue::SlackWork, vec![outgoing]).await?)
}

/// Handles a message from the queue.
///
/// # Errors
/// [`AppError`] if the message must come again.
pub async fn work(
    services: &SlackServices,
    request: &SlackMessage,
    trace: &Trace,
    now: Timestamp,
) -> Result<(), AppError> {
    match request {
        SlackMessage::Request(asked) => ask::ask(services, asked, trace, now).await,
        SlackMessage::Removed { team, at } => connect::removed(&services.store, team, *at).await,
    }
}
