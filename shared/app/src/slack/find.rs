//! Finds the incident, the escalations and the people that a request is about.

use domain::escalation::Escalation;
use domain::id::PathId;
use domain::incident::Incident;
use domain::slack::{ChannelId, CommandTarget};

use super::SlackRequestContext;
use super::person::LookupError;
use crate::AppError;
use crate::escalation::create::EscalationTarget;
use crate::incident::escalations::escalations_of;

/// The most escalations of an incident that are read.
const MOST: usize = 20;
/// How many people and paths are searched for a name.
const NAMES: usize = 1000;

impl SlackRequestContext<'_> {
    /// The incident with a number, or else the incident of a channel.
    pub(crate) async fn incident(
        &self,
        number: Option<u64>,
        channel: Option<&ChannelId>,
    ) -> Result<Option<Incident>, AppError> {
        let store = &self.services.store;
        if let Some(number) = number {
            return Ok(store.incident_by_number(self.org, number).await?);
        }
        let Some(channel) = channel else { return Ok(None) };
        match store.incident_of_channel(self.org, channel).await? {
            Some(id) => Ok(store.incident(self.org, id).await?),
            None => Ok(None),
        }
    }

    /// The escalations of an incident.
    pub(crate) async fn escalations(&self, incident: &Incident) -> Result<Vec<Escalation>, AppError> {
        escalations_of(&self.services.store, incident, MOST).await
    }

    /// The person or path that a command names; `None` if no such person or path exists.
    pub(crate) async fn called_by(
        &self,
        whom: &CommandTarget,
        me: Option<domain::id::UserId>,
    ) -> Result<Option<EscalationTarget>, LookupError> {
        let name = match whom {
            CommandTarget::Me => return Ok(me.map(|me| EscalationTarget::Users(vec![me]))),
            CommandTarget::Slack(slack) => {
                return Ok(self.who(slack).await?.map(|user| EscalationTarget::Users(vec![user])));
            }
            CommandTarget::Name(name) => name.trim(),
        };
        let same =
            |other: &str| other.eq_ignore_ascii_case(name) || other.to_lowercase() == name.to_lowercase();
        let store = &self.services.store;
        let paths = store.paths_after(self.org, None, NAMES).await.map_err(AppError::from)?;
        if let Some(path) = paths.iter().find(|path| same(&path.name)) {
            let id: PathId = path.id;
            return Ok(Some(EscalationTarget::Path(id)));
        }
        let users = store.users_after(self.org, None, NAMES).await.map_err(AppError::from)?;
        let mut named = users.iter().filter(|user| {
            let (local, _) = user.email.split_once('@').unwrap_or((&user.email, ""));
            same(&user.name) || same(&user.email) || same(local)
        });
        // A name that two people have is ambiguous.
        match (named.next(), named.next()) {
            (Some(user), None) => Ok(Some(EscalationTarget::Users(vec![user.id]))),
            (_, Some(_)) | (None, None) => Ok(None),
        }
    }
}
