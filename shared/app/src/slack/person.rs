//! Links Slack users to Firebell users by their email address.

use domain::id::{OrgId, UserId};
use domain::slack::SlackUserId;
use domain::{Actor, Identity};
use slack::CallError;
use store::Commit;

use super::SlackRequestContext;
use crate::AppError;

/// The prefix of the identity of a Slack user who is not a Firebell user.
const IN_SLACK: &str = "slack:";

/// The actor for a Slack user who is not a Firebell user.
pub(crate) fn stranger(org: OrgId, slack: &SlackUserId) -> Actor {
    Actor::system(org, &format!("{IN_SLACK}{slack}"))
}

/// The Slack user of such an identity, if it is one.
pub(crate) fn of_stranger(identity: &Identity) -> Option<SlackUserId> {
    match identity {
        Identity::System(part) => part.strip_prefix(IN_SLACK)?.parse().ok(),
        Identity::ApiKey(_) | Identity::User(_) => None,
    }
}

/// Why a Slack user could not be looked up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    /// The call to Slack failed.
    #[error(transparent)]
    Slack(#[from] CallError),
    /// The store failed.
    #[error(transparent)]
    App(#[from] AppError),
}

impl SlackRequestContext<'_> {
    /// The user of a Slack user, if the link is stored. It does not call Slack.
    pub(crate) async fn known(&self, slack: &SlackUserId) -> Result<Option<UserId>, AppError> {
        let known = self.services.store.user_of_slack(self.org, slack).await?;
        match known {
            Some(user) => Ok(self.rules.user(user).await?.map(|user| user.id)),
            None => Ok(None),
        }
    }

    /// The user of a Slack user; `None` if no user has their email address.
    pub(crate) async fn who(&self, slack: &SlackUserId) -> Result<Option<UserId>, LookupError> {
        if let Some(user) = self.known(slack).await? {
            return Ok(Some(user));
        }
        let email = self.connection.slack.email_of(&self.connection.token, slack).await?;
        let Some(email) = email else { return Ok(None) };
        let found = self.services.store.person(&email).await.map_err(AppError::from)?;
        let Some((_, user)) = found.filter(|(org, _)| *org == self.org) else { return Ok(None) };
        self.remember(user, slack).await?;
        Ok(Some(user))
    }

    /// The Slack user of a user; `None` if no Slack user has their email address.
    pub(crate) async fn in_slack(&self, user: UserId) -> Result<Option<SlackUserId>, LookupError> {
        if let Some(slack) =
            self.services.store.slack_of_user(self.org, user).await.map_err(AppError::from)?
        {
            return Ok(Some(slack));
        }
        let Some(person) = self.rules.user(user).await.map_err(AppError::from)? else { return Ok(None) };
        let slack = self.connection.slack.user_of(&self.connection.token, &person.email).await?;
        if let Some(slack) = &slack {
            self.remember(user, slack).await?;
        }
        Ok(slack)
    }

    /// Stores the link between a user and a Slack user.
    async fn remember(&self, user: UserId, slack: &SlackUserId) -> Result<(), AppError> {
        Ok(self.services.store.commit(Commit::new().slack_person(self.org, user, slack)).await?)
    }

    /// The name of the person or system with an identity.
    pub(crate) async fn called(&self, identity: &Identity) -> Result<String, AppError> {
        let user = match (identity.user(), of_stranger(identity)) {
            (Some(user), _) => Some(user),
            (None, Some(slack)) => self.known(&slack).await?,
            (None, None) => None,
        };
        if let Some(user) = user {
            let person = self.rules.user(user).await?;
            return Ok(person.map_or_else(|| "a former user".to_owned(), |user| user.name.clone()));
        }
        Ok(match identity {
            Identity::ApiKey(_) => "an API key",
            Identity::System(part) if part.starts_with("alert_source:") => "an alert",
            Identity::System(part) if part.starts_with(IN_SLACK) => "somebody in Slack",
            Identity::System(_) | Identity::User(_) => "Firebell",
        }
        .to_owned())
    }
}
