//! Follows an incident that has changed: begins the steps that are to be done in Slack because of the change.

use domain::incident::{ChangeNote, Visibility};
use domain::slack::follow;
use domain::slack::step::{NewStep, Place};
use domain::slack::{Step, StepState, Work};
use machine::{Stateful, Transition, retry_conflicts};
use store::{Commit, History};

use super::SlackRequestContext;
use crate::AppError;

/// How many changes are searched for updates that were not shared; a step that follows is never late by more.
const MOST: usize = 50;

/// The ids of the steps of which an incident has one.
pub(super) const CHANNEL: &str = "channel";
pub(super) const ANNOUNCE: &str = "announce";
pub(super) const MESSAGE: &str = "message";
pub(super) const INVITE: &str = "invite";
/// The beginning of the ids of shared updates.
pub(super) const SHARE: &str = "share-";

impl SlackRequestContext<'_> {
    /// Begins the steps in the same write that ends this one.
    pub(super) async fn follow(&self, step: &Step) -> Result<(), AppError> {
        retry_conflicts(|| self.follow_once(step)).await
    }

    async fn follow_once(&self, look: &Step) -> Result<(), AppError> {
        let store = &self.services.store;
        let steps = store.slack_steps(self.org, &look.thread, "").await?;
        let named = |name: &str| steps.iter().find(|step| step.id.to_string() == name);
        let Some(look) = named(&look.id.to_string()) else { return Ok(()) };
        if look.head().state() != StepState::Pending {
            return Ok(());
        }
        let incident = match look.incident {
            Some(id) => store.incident(self.org, id).await?,
            None => None,
        };
        let Some(incident) = incident else {
            let gone = look.obsolete("there is no such incident", self.now)?;
            return Ok(store.commit(Commit::new().transition(gone)).await?);
        };
        let id = incident.id;
        let mut owed: Vec<Transition<Step>> = Vec::new();
        let once = |name: &str, work: Work| -> Result<Option<Transition<Step>>, AppError> {
            match named(name) {
                Some(step) => Ok(step.anew(self.now)?),
                None => Ok(Some(NewStep::of(id, name, work).open(self.org, &look.trace, self.now))),
            }
        };
        let channel = named(CHANNEL);
        // A failed step is tried again with each change; a finished one stays.
        if channel.is_none_or(|step| step.head().state() == StepState::Failed) {
            owed.extend(once(CHANNEL, Work::CreateChannel)?);
        }
        // A private incident is not announced: only invited people may see it.
        let announced = self.connection.workspace.announcements.is_some();
        if announced && incident.visibility == Visibility::Public {
            owed.extend(once(ANNOUNCE, Work::Post(Place::Announcements))?);
        }
        if channel.is_some_and(|step| step.kept.channel.is_some()) {
            owed.extend(once(MESSAGE, Work::Post(Place::Channel))?);
            owed.extend(once(INVITE, Work::Invite)?);
            for row in store.incident_history(self.org, id, None, MOST).await? {
                let name = format!("{SHARE}{:05}", row.version);
                if is_told(&row) && named(&name).is_none() {
                    owed.extend(once(&name, Work::Share { version: row.version })?);
                }
            }
        }
        for escalation in self.escalations(&incident).await? {
            let new = NewStep::unpage(&escalation);
            if escalation.head().state().notifies() || named(&new.id.to_string()).is_some() {
                continue;
            }
            // Nobody can claim a notification of it any more: if there is no message now, there never will be.
            let told = store.escalation_with_story(self.org, escalation.id).await?;
            if told.is_some_and(|told| told.notifications.iter().any(follow::is_direct_message)) {
                owed.push(new.open(self.org, &look.trace, self.now));
            }
        }
        let done = look.done(look.kept.clone(), &format!("{} steps are owed", owed.len()), self.now)?;
        Ok(store.commit(Commit::new().transition(done).transitions(owed)).await?)
    }
}

/// Says whether a change is shared in the incident's channel.
fn is_told(row: &History<ChangeNote>) -> bool {
    row.note.as_ref().is_some_and(|note| note.is_update() && !note.quiet)
}
