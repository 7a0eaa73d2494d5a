//! Handles a request from Slack and records the reply that is owed.

use domain::Timestamp;
use domain::slack::step::NewStep;
use domain::slack::{SlackAction, SlackRequest, StepId, Thread, Work};
use domain::trace::Trace;
use secrecy::SecretString;
use store::{Commit, StoreError};
use tracing::{info, instrument};

use super::perform::ANSWER;
use super::person::LookupError;
use super::{SlackRequestContext, SlackServices};
use crate::AppError;
use crate::error::whoever_was_first;
use slack::CallError;

/// A reply to a request.
pub(super) struct Reply {
    /// The text, in Slack's markup.
    pub(super) text: String,
    /// Whether it replaces the message with the button.
    pub(super) replaces: bool,
}

impl Reply {
    /// A reply that only the person sees.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), replaces: false }
    }
}

/// Why a request was not carried out.
pub(super) enum Refusal {
    /// The person gets this text.
    Say(String),
    /// The message must be retried.
    Retry(AppError),
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound { .. } | AppError::Forbidden(_) | AppError::Illegal(_) => {
                Self::Say(format!("That did not work: {}.", super::perform::quoted(&error.to_string())))
            }
            AppError::Invalid { reason, .. } => {
                Self::Say(format!("That did not work: {}.", super::perform::quoted(&reason)))
            }
            AppError::Conflict | AppError::Unavailable { .. } => Self::Retry(error),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Retry(error.into())
    }
}

impl From<LookupError> for Refusal {
    fn from(unknown: LookupError) -> Self {
        match unknown {
            LookupError::App(error) => error.into(),
            LookupError::Slack(CallError::Refused(word)) => Self::Say(format!(
                "Firebell cannot look up who you are, because Slack refused the request (`{}`). Ask an administrator to reinstall the Slack app.",
                super::perform::quoted(&word)
            )),
            LookupError::Slack(error @ CallError::Later { .. }) => {
                Self::Retry(AppError::Unavailable { what: "slack", source: Box::new(error) })
            }
        }
    }
}

/// The reply to a request from a workspace that is not connected.
const NOT_CONNECTED: &str = "This workspace is not connected to Firebell yet. An administrator can connect it on Firebell's Slack settings page.";

/// The id of a reply's step.
const ANSWERED: &str = "answer";

/// Handles a request once; a repeated request is ignored.
///
/// # Errors
/// [`AppError`] if the message must come again.
#[instrument(skip_all, fields(slack.team = %request.team))]
pub async fn ask(
    services: &SlackServices,
    request: &SlackRequest,
    trace: &Trace,
    now: Timestamp,
) -> Result<(), AppError> {
    let Some(org) = services.store.org_of_team(&request.team).await? else {
        info!("Slack request from a workspace that is not connected");
        if let (Some(slack), Some(to)) = (&services.slack, &request.answer_to) {
            // Without an organisation the reply cannot be stored, so it is sent directly.
            let _ = slack.answer(&SecretString::from(to.as_str()), NOT_CONNECTED, false).await;
        }
        return Ok(());
    };
    let rules = services.rules.of(org).await?;
    let connection = services.connection(&rules.org)?;
    let Some(connection) = connection.filter(|connection| connection.workspace.team == request.team) else {
        return Ok(());
    };
    let room = SlackRequestContext { services, org, rules, connection, trace, now };
    // A request that has a reply was handled before.
    let thread = Thread::asked(&request.key);
    if services.store.slack_step(org, &thread, &StepId::of(ANSWERED)).await?.is_some() {
        return Ok(());
    }
    let reply = match Box::pin(room.act(request)).await {
        Ok(reply) => reply,
        Err(Refusal::Say(text)) => Some(Reply::new(text)),
        Err(Refusal::Retry(error)) => return Err(error),
    };
    match reply {
        Some(reply) => room.record_reply(request, thread, reply).await,
        None => Ok(()),
    }
}

impl SlackRequestContext<'_> {
    /// Records the reply that is owed.
    async fn record_reply(
        &self,
        request: &SlackRequest,
        thread: Thread,
        reply: Reply,
    ) -> Result<(), AppError> {
        let work = match (&request.answer_to, &request.action, &request.channel) {
            (Some(to), _, _) => Work::Answer {
                to: self.services.seal.seal(ANSWER, to),
                text: reply.text,
                replaces: reply.replaces,
            },
            (None, SlackAction::Mention { ts, .. }, Some(channel)) => {
                Work::Reply { channel: channel.clone(), ts: ts.clone(), text: reply.text }
            }
            (None, _, _) => return Ok(()),
        };
        let step = NewStep { thread, id: StepId::of(ANSWERED), incident: None, work };
        let commit = Commit::new().transition(step.open(self.org, self.trace, self.now));
        whoever_was_first(self.services.store.commit(commit).await)
    }
}
