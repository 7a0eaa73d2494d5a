//! Reads what Slack messages show of an incident.

use domain::Identity;
use domain::escalation::EscalationState;
use domain::incident::{ChangeNote, Changed, Incident, RoleKind};
use domain::slack::ChannelId;
use machine::Stateful;
use slack::block::{Message, Shown, update};
use store::{Choices, History};

use super::SlackRequestContext;
use crate::AppError;

/// The state of an incident's notifications.
pub(crate) struct PagingSummary {
    /// A sentence for people; `None` if nobody was notified.
    pub(crate) said: Option<String>,
    /// Whether somebody may still be notified.
    pub(crate) pages: bool,
}

/// Joins names for a sentence.
fn listed(mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(5);
    names.truncate(5);
    let names = names.join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}

impl SlackRequestContext<'_> {
    /// The state of an incident's notifications.
    pub(crate) async fn paging(&self, incident: &Incident) -> Result<PagingSummary, AppError> {
        let (mut paged, mut answered, mut pages) = (Vec::new(), None, false);
        for escalation in self.escalations(incident).await? {
            let story =
                crate::escalation::history::history(&self.services.store, &self.rules, escalation.id).await?;
            let Some(story) = story else { continue };
            pages |= story.escalation.head().state().notifies();
            paged.extend(story.notifications.iter().map(|page| story.person(page.user).to_owned()));
            if let Some(answer) =
                story.answer().filter(|_| story.escalation.head().state() == EscalationState::Acked)
            {
                let by = answer.by.parse().unwrap_or_else(|_| Identity::system(""));
                answered = Some(self.called(&by).await?);
            }
        }
        let said = match (paged.is_empty(), pages, answered) {
            (true, false, None) => None,
            (true, true, _) => Some("Notifications are about to be sent.".to_owned()),
            (false, true, _) => Some(format!("Notified: {}. Not acknowledged yet.", listed(paged))),
            (_, false, Some(who)) => Some(format!("Acknowledged by {who}.")),
            (false, false, None) => Some(format!("Notified: {}. Notifications have stopped.", listed(paged))),
        };
        Ok(PagingSummary { said, pages })
    }

    /// An incident as its Slack message shows it.
    pub(crate) async fn shown(
        &self,
        incident: &Incident,
        choices: &Choices,
        channel: Option<ChannelId>,
    ) -> Result<Shown, AppError> {
        let paging = self.paging(incident).await?;
        let status = choices.statuses.iter().find(|status| status.id == incident.status());
        let severity = choices.severities.iter().find(|severity| Some(severity.id) == incident.severity);
        let lead = choices.roles.iter().find(|role| role.what.kind == RoleKind::Lead);
        let lead = match lead.and_then(|lead| incident.roles.get(&lead.id)) {
            Some(user) => Some(self.called(&Identity::User(*user)).await?),
            None => None,
        };
        let state = incident.head().state();
        Ok(Shown {
            id: incident.id,
            reference: incident.reference(),
            title: incident.title.clone(),
            summary: incident.summary.clone(),
            status: status.map_or_else(|| machine::State::name(state).to_owned(), |s| s.what.name.clone()),
            severity: severity.map(|severity| severity.what.name.clone()),
            lead,
            opened_by: self.called(&incident.creator).await?,
            channel,
            paging: paging.said,
            // Once an incident has ended, its message has no buttons.
            pages: paging.pages && state.is_open(),
            resolves: state.is_open(),
        })
    }

    /// The Slack message of an update.
    pub(crate) async fn shared(
        &self,
        row: &History<ChangeNote>,
        choices: &Choices,
    ) -> Result<Message, AppError> {
        let by = row.by.parse().unwrap_or_else(|_| Identity::system(""));
        let by = self.called(&by).await?;
        let mut changes = Vec::new();
        let note = row.note.as_ref();
        for changed in note.map(|note| note.changed.as_slice()).unwrap_or_default() {
            match changed {
                Changed::Severity(id) => {
                    let severity = choices.severities.iter().find(|severity| severity.id == *id);
                    changes.extend(severity.map(|severity| format!("Severity: {}", severity.what.name)));
                }
                Changed::Status(id) => {
                    let status = choices.statuses.iter().find(|status| status.id == *id);
                    changes.extend(status.map(|status| format!("Status: {}", status.what.name)));
                }
                Changed::Name(_)
                | Changed::Summary(_)
                | Changed::Role { .. }
                | Changed::Milestone { .. }
                | Changed::Pinned { .. } => {}
            }
        }
        Ok(update(&by, note.and_then(|note| note.message.as_deref()), &changes))
    }
}
