//! Does what somebody asks for in Slack, and owes them an answer.

use domain::Timestamp;
use domain::slack::step::NewStep;
use domain::slack::{Ask, Asked, StepId, Thread, Work};
use domain::trace::Trace;
use secrecy::SecretString;
use store::{Commit, StoreError};
use tracing::{info, instrument};

use super::perform::ANSWER;
use super::person::Unknown;
use super::{Desk, Room};
use crate::AppError;
use crate::error::whoever_was_first;
use slack::CallError;

/// What somebody is told.
pub(super) struct Said {
    /// The text, in Slack's markup.
    pub(super) text: String,
    /// Whether it takes the place of what they answered.
    pub(super) replaces: bool,
}

impl Said {
    /// Something that they alone see.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), replaces: false }
    }
}

/// Why something was not done.
pub(super) enum Stop {
    /// They are told why.
    Say(String),
    /// The message must come again.
    Fail(AppError),
}

impl From<AppError> for Stop {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound { .. } | AppError::Forbidden(_) | AppError::Illegal(_) => {
                Self::Say(format!("That did not work: {}.", super::perform::quoted(&error.to_string())))
            }
            AppError::Invalid { reason, .. } => {
                Self::Say(format!("That did not work: {}.", super::perform::quoted(&reason)))
            }
            AppError::Conflict | AppError::Unavailable { .. } => Self::Fail(error),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Fail(error.into())
    }
}

impl From<Unknown> for Stop {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::App(error) => error.into(),
            Unknown::Slack(CallError::Refused(word)) => Self::Say(format!(
                "Firebell cannot look up who you are, because Slack refused the request (`{}`). Ask an administrator to reinstall the Slack app.",
                super::perform::quoted(&word)
            )),
            Unknown::Slack(error @ CallError::Later { .. }) => {
                Self::Fail(AppError::Unavailable { what: "slack", source: Box::new(error) })
            }
        }
    }
}

/// What somebody is told whose workspace is nobody's.
const NOT_CONNECTED: &str = "This workspace is not connected to Firebell yet. An administrator can connect it on Firebell's Slack settings page.";

/// The id of an answer.
const ANSWERED: &str = "answer";

/// Does what somebody asks for; what is asked again is not done again.
///
/// # Errors
/// [`AppError`] if the message must come again.
#[instrument(skip_all, fields(slack.team = %asked.team), err)]
pub async fn ask(desk: &Desk, asked: &Asked, trace: &Trace, now: Timestamp) -> Result<(), AppError> {
    let Some(org) = desk.store.org_of_team(&asked.team).await? else {
        info!("Slack request from a workspace that is not connected");
        if let (Some(slack), Some(to)) = (&desk.slack, &asked.answer_to) {
            // Nobody's: there is nowhere to keep what is owed to them.
            let _ = slack.answer(&SecretString::from(to.as_str()), NOT_CONNECTED, false).await;
        }
        return Ok(());
    };
    let rules = desk.rules.of(org).await?;
    let connection = desk.connection(&rules.org)?;
    let Some(connection) = connection.filter(|connection| connection.workspace.team == asked.team) else {
        return Ok(());
    };
    let room = Room { desk, org, rules, connection, trace, now };
    // Whoever was answered is not heard again, whatever has become of it since.
    let thread = Thread::asked(&asked.key);
    if desk.store.slack_step(org, &thread, &StepId::of(ANSWERED)).await?.is_some() {
        return Ok(());
    }
    let said = match Box::pin(room.act(asked)).await {
        Ok(said) => said,
        Err(Stop::Say(text)) => Some(Said::new(text)),
        Err(Stop::Fail(error)) => return Err(error),
    };
    match said {
        Some(said) => room.owe_answer(asked, thread, said).await,
        None => Ok(()),
    }
}

impl Room<'_> {
    /// Owes somebody an answer.
    async fn owe_answer(&self, asked: &Asked, thread: Thread, said: Said) -> Result<(), AppError> {
        let work = match (&asked.answer_to, &asked.ask, &asked.channel) {
            (Some(to), _, _) => {
                Work::Answer { to: self.desk.seal.seal(ANSWER, to), text: said.text, replaces: said.replaces }
            }
            (None, Ask::Mention { ts, .. }, Some(channel)) => {
                Work::Reply { channel: channel.clone(), ts: ts.clone(), text: said.text }
            }
            (None, _, _) => return Ok(()),
        };
        let step = NewStep { thread, id: StepId::of(ANSWERED), incident: None, work };
        let commit = Commit::new().transition(step.open(self.org, self.trace, self.now));
        whoever_was_first(self.desk.store.commit(commit).await)
    }
}
