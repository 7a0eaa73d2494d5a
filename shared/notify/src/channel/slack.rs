//! Sends notifications as Slack direct messages, through the workspace that the organisation has connected.

use std::sync::Arc;

use ::slack::{CallError, NewMessage, Posted, Slack, Token, block};
use domain::id::OrgId;
use domain::slack::{MessageRef, SlackUserId};
use domain::user::MethodType;
use futures_util::future::BoxFuture;

use crate::channel::{BoxError, Channel, Receipt, SendError};
use crate::outgoing::OutgoingNotification;

/// Looks up the bot tokens of Slack workspaces.
pub trait WorkspaceTokens: Send + Sync {
    /// The token of the organisation's workspace; `None` if no workspace is connected.
    ///
    /// # Errors
    /// Returns the error of the look-up.
    fn token(&self, org: OrgId) -> BoxFuture<'_, Result<Option<Token>, BoxError>>;
}

/// The channel for Slack direct messages.
pub struct SlackDirect {
    slack: Slack,
    tokens: Arc<dyn WorkspaceTokens>,
}

/// Slack error codes that mean that the recipient can never be reached.
const UNREACHABLE: [&str; 4] = ["channel_not_found", "user_not_found", "user_disabled", "cannot_dm_bot"];

/// How many bytes of a title are shown.
const TITLE_BYTES: usize = 2000;

impl SlackDirect {
    /// Creates the channel.
    pub fn new(slack: Slack, tokens: Arc<dyn WorkspaceTokens>) -> Self {
        Self { slack, tokens }
    }
}

/// A permanent error.
fn permanent(reason: &str) -> SendError {
    SendError::Permanent { reason: reason.to_owned(), source: None }
}

impl Channel for SlackDirect {
    fn method_type(&self) -> MethodType {
        MethodType::Slack
    }

    fn send<'a>(
        &'a self,
        notification: &'a OutgoingNotification,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let Ok(to) = notification.address.parse::<SlackUserId>() else {
                return Err(permanent("the address is not a Slack user id"));
            };
            let token = self.tokens.token(notification.org).await;
            let token = token.map_err(|source| SendError::Transient {
                reason: "cannot load the token of the Slack workspace".to_owned(),
                source: Some(source),
            })?;
            let Some(token) = token else {
                // Transient: the workspace may be connected before the escalation ends.
                let reason = "no Slack workspace is connected".to_owned();
                return Err(SendError::Transient { reason, source: None });
            };
            let title = domain::text::shorten(&notification.title, TITLE_BYTES);
            let source = notification.source_url.as_deref();
            let message = block::page(&title, notification.escalation, source, &notification.acknowledge_url);
            let message = NewMessage {
                channel: to.to_string(),
                below: None,
                text: message.text,
                blocks: message.blocks,
                mark: notification.idempotency_key.clone(),
            };
            match self.slack.post(&token, &message).await {
                Ok(Posted { channel, ts }) => {
                    Ok(Receipt::new(&format!("slack {ts}")).with_message(MessageRef { channel, ts }))
                }
                Err(CallError::Refused(word)) if UNREACHABLE.contains(&&*word) => {
                    Err(permanent(&format!("Slack rejected the message: {word}")))
                }
                Err(CallError::Later { reason, retry_after: Some(after) }) => Err(SendError::Busy {
                    reason: format!("Slack did not accept the message: {reason}"),
                    after: u64::try_from(after.as_secs()).unwrap_or(0),
                    source: None,
                }),
                // Transient, even for a revoked token: the workspace may be connected again.
                Err(error) => Err(SendError::Transient {
                    reason: "Slack did not accept the message".to_owned(),
                    source: Some(error.into()),
                }),
            }
        })
    }
}
