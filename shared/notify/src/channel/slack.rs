//! Direct messages in Slack, from the workspace that the organisation has connected.

use std::sync::Arc;

use ::slack::{CallError, NewMessage, Posted, Slack, Token, block};
use domain::id::OrgId;
use domain::slack::{MessageRef, SlackUserId};
use domain::user::MethodType;
use futures_util::future::BoxFuture;

use crate::channel::{BoxError, Channel, Receipt, SendError};
use crate::outgoing::Outgoing;

/// Knows the tokens of workspaces.
pub trait Tokens: Send + Sync {
    /// The token of an organisation's workspace; none if it has connected none.
    ///
    /// # Errors
    /// Whatever is in the way of knowing.
    fn token(&self, org: OrgId) -> BoxFuture<'_, Result<Option<Token>, BoxError>>;
}

/// Sends direct messages.
pub struct SlackDirect {
    slack: Slack,
    tokens: Arc<dyn Tokens>,
}

/// Words by which Slack says that nobody will ever be reached at an address.
const NOBODY: [&str; 4] = ["channel_not_found", "user_not_found", "user_disabled", "cannot_dm_bot"];

/// How much of a title and of an address is shown.
const SHOWN: usize = 2000;

impl SlackDirect {
    /// Sends through the workspaces whose tokens these are.
    pub fn new(slack: Slack, tokens: Arc<dyn Tokens>) -> Self {
        Self { slack, tokens }
    }
}

/// Something that will never do.
fn never(reason: &str) -> SendError {
    SendError::Permanent { reason: reason.to_owned(), source: None }
}

impl Channel for SlackDirect {
    fn method_type(&self) -> MethodType {
        MethodType::Slack
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let Ok(to) = outgoing.address.parse::<SlackUserId>() else {
                return Err(never("the address is no id of somebody in Slack"));
            };
            let token = self.tokens.token(outgoing.org).await;
            let token = token.map_err(|source| SendError::Transient {
                reason: "the workspace's token could not be had".to_owned(),
                source: Some(source),
            })?;
            let Some(token) = token else {
                // Not yet: a page that fails for ever would stay unsent once there is one.
                let reason = "no workspace of Slack is connected".to_owned();
                return Err(SendError::Transient { reason, source: None });
            };
            let title = domain::text::shorten(&outgoing.title, SHOWN);
            let source = outgoing.source_url.as_deref();
            let said = block::page(&title, outgoing.escalation, source, &outgoing.acknowledge_url);
            let message = NewMessage {
                channel: to.to_string(),
                below: None,
                text: said.text,
                blocks: said.blocks,
                mark: outgoing.idempotency_key.clone(),
            };
            match self.slack.post(&token, &message).await {
                Ok(Posted { channel, ts }) => {
                    Ok(Receipt::new(&format!("slack {ts}")).at(MessageRef { channel, ts }))
                }
                Err(CallError::Refused(word)) if NOBODY.contains(&&*word) => {
                    Err(never(&format!("slack refused: {word}")))
                }
                Err(CallError::Later { reason, retry_after: Some(after) }) => Err(SendError::Busy {
                    reason: format!("slack did not take it: {reason}"),
                    after: u64::try_from(after.as_secs()).unwrap_or(0),
                    source: None,
                }),
                // A workspace that is not ours any more may be connected again: when in doubt, it is tried again.
                Err(error) => Err(SendError::Transient {
                    reason: "slack did not take it".to_owned(),
                    source: Some(error.into()),
                }),
            }
        })
    }
}
