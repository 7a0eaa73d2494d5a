//! Removes the buttons of direct messages once their escalation notifies nobody any longer. It does not matter who
//! acknowledged it, or where.

use domain::Identity;
use domain::escalation::EscalationState;
use domain::id::EscalationId;
use domain::notification::{Notification, NotificationState};
use domain::slack::Step;
use domain::slack::follow;
use machine::Stateful;
use slack::block::paged;
use slack::{CallError, Posted};
use store::EscalationStory;

use super::step::{Came, Trouble};
use super::{Connection, SlackRequestContext};
use crate::AppError;

/// How many messages are edited in one attempt, so that it ends in time.
const AT_ONCE: usize = 20;

impl SlackRequestContext<'_> {
    /// Edits every direct message of an escalation, and waits for those that are still being sent.
    pub(super) async fn unpage(&self, step: &Step, id: EscalationId) -> Result<Came, Trouble> {
        let Some(told) = self.services.store.escalation_with_story(self.org, id).await? else {
            return Ok(Came::Obsolete("there is no such escalation"));
        };
        if told.escalation.head().state().notifies() {
            return Ok(Came::Obsolete("it pages again"));
        }
        let Connection { slack, token, .. } = &self.connection;
        let mut kept = step.kept.clone();
        let (mut sending, mut edited) = (false, 0);
        for notification in
            told.notifications.iter().filter(|notification| follow::is_direct_message(notification))
        {
            if kept.notifications.contains(&notification.id) {
                continue;
            }
            if notification.head().state() == NotificationState::Sending {
                sending = true;
                continue;
            }
            // An older version sent it and did not keep the message.
            let Some(message) = &notification.message else { continue };
            if edited == AT_ONCE {
                return Ok(Came::Again { kept, reason: "more messages are to be edited", retry_after: None });
            }
            let said = paged(
                &notification.title,
                &self.outcome(&told, notification).await?,
                notification.url.as_deref(),
            );
            let at = Posted { channel: message.channel.clone(), ts: message.ts.clone() };
            match slack.edit(token, &at, &said.text, &said.blocks).await {
                Ok(()) => edited += 1,
                // This concerns one message: somebody has deleted it, or has left.
                Err(CallError::Refused(word)) if !slack::is_cut_off(&word) => {
                    tracing::warn!(
                        slack.step = step.mark(),
                        reason = word,
                        "a direct message keeps its button"
                    );
                }
                Err(CallError::Later { retry_after, .. }) if edited > 0 => {
                    let reason = "slack did not take every edit";
                    return Ok(Came::Again { kept, reason, retry_after });
                }
                Err(error) => return Err(error.into()),
            }
            kept.notifications.push(notification.id.clone());
        }
        if sending {
            return Ok(Came::Again { kept, reason: "a page is still being sent", retry_after: None });
        }
        let why = format!("{} messages have no button", kept.notifications.len());
        Ok(Came::Done(kept, why))
    }

    /// A sentence that tells the notified person what happened. The person who acted is named, not mentioned.
    async fn outcome(&self, told: &EscalationStory, notification: &Notification) -> Result<String, AppError> {
        let state = told.escalation.head().state();
        let last = told.history.iter().rev().find(|row| row.to == machine::State::name(state));
        let by = last.and_then(|row| row.by.parse().ok()).unwrap_or_else(|| Identity::system(""));
        let themselves = by.user() == Some(notification.user);
        let (own, of_others) = if state == EscalationState::Acked {
            ("You acknowledged this.", "acknowledged this.")
        } else if state == EscalationState::Cancelled {
            ("You cancelled the escalation.", "cancelled the escalation.")
        } else {
            return Ok("The escalation has ended.".to_owned());
        };
        Ok(if themselves {
            own.to_owned()
        } else {
            format!("{} {}", capital(&self.called(&by).await?), of_others)
        })
    }
}

/// A name at the beginning of a sentence.
fn capital(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
