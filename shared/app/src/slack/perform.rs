//! The work of each step in Slack.
//!
//! Slack does not recognise a repeated call. So a call that may have succeeded is searched for before it is repeated: a
//! channel by its name, a message by the mark in its metadata.

use domain::Identity;
use domain::id::UserId;
use domain::incident::{Incident, Visibility};
use domain::slack::step::Place;
use domain::slack::text::escape;
use domain::slack::{ChannelId, Kept, SlackUserId, Step, Work, channel_name};
use domain::text::fingerprint;
use serde_json::{Value, json};
use slack::block::Message;
use slack::{CallError, NewMessage, Posted};

use super::follow::CHANNEL;
use super::person::of_stranger;
use super::step::{Came, Trouble};
use super::{Connection, SlackRequestContext};
use crate::AppError;

/// How many names are tried for a channel.
const NAMES: u8 = 5;
/// How many people are invited at most.
const MOST_PEOPLE: usize = 50;
/// Refusals that concern one person only.
const PERSONAL: [&str; 8] = [
    "user_not_found",
    "users_not_found",
    "cant_invite",
    "cant_invite_self",
    "user_is_restricted",
    "user_is_ultra_restricted",
    "ura_max_channels",
    "user_team_not_in_channel",
];

impl SlackRequestContext<'_> {
    /// Does the work of a step.
    pub(super) async fn work_on(&self, step: &Step) -> Result<Came, Trouble> {
        let Connection { slack, token, .. } = &self.connection;
        match &step.work {
            Work::Follow => Ok(Came::Obsolete("a look is no call")),
            Work::CreateChannel => self.create_channel(step).await,
            Work::Invite => self.invite(step).await,
            Work::Post(place) => self.keep_posted(step, *place).await,
            Work::Share { version } => self.share(step, *version).await,
            Work::Unpage { escalation } => self.unpage(step, *escalation).await,
            Work::Answer { to, text, replaces } => {
                let to = self.services.seal.open(ANSWER, to).map_err(AppError::from)?;
                slack.answer(&to, text, *replaces).await?;
                Ok(Came::Done(step.kept.clone(), "answered".to_owned()))
            }
            Work::Reply { channel, ts, text } => {
                let blocks = vec![json!({
                    "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true },
                })];
                let said = Message { text: text.clone(), blocks };
                let message = message(channel, Some(ts), &said, step);
                let posted = match self.find(step, channel).await? {
                    Some(posted) => posted,
                    None => slack.post(token, &message).await?,
                };
                Ok(done(step, &posted, None, "replied"))
            }
        }
    }

    /// The incident of a step.
    async fn incident_of(&self, step: &Step) -> Result<Option<Incident>, Trouble> {
        match step.incident {
            Some(id) => Ok(self.services.store.incident(self.org, id).await?),
            None => Ok(None),
        }
    }

    /// The incident's channel.
    async fn channel_of(&self, step: &Step) -> Result<Option<ChannelId>, Trouble> {
        let id = domain::slack::StepId::of(CHANNEL);
        let channel = self.services.store.slack_step(self.org, &step.thread, &id).await?;
        Ok(channel.and_then(|step| step.kept.channel))
    }

    async fn create_channel(&self, step: &Step) -> Result<Came, Trouble> {
        let Connection { slack, token, workspace } = &self.connection;
        let Some(incident) = self.incident_of(step).await? else {
            return Ok(Came::Obsolete("there is no such incident"));
        };
        let private = incident.visibility == Visibility::Private;
        for n in 1..=NAMES {
            let name = channel_name(incident.number, &incident.title, n);
            match slack.create_channel(token, &name, private).await {
                Ok(channel) => return Ok(Came::Channel(channel, format!("created {name}"))),
                Err(error) if error.is("name_taken") => {}
                Err(error) => return Err(error.into()),
            }
            // Only a channel that we created is the incident's: anybody may be able to read another one.
            if let Some(channel) = slack.find_channel(token, &name, &workspace.bot).await? {
                let whose = self.services.store.incident_of_channel(self.org, &channel).await?;
                if whose.is_none_or(|id| id == incident.id) {
                    return Ok(Came::Channel(channel, format!("found {name}, created before")));
                }
            }
        }
        Err(CallError::Refused("name_taken".to_owned()).into())
    }

    /// Finds a message of this step that may have been posted without our knowing.
    async fn find(&self, step: &Step, channel: &ChannelId) -> Result<Option<Posted>, Trouble> {
        if !step.may_be_done() {
            return Ok(None);
        }
        let Connection { slack, token, .. } = &self.connection;
        match slack.find_posted(token, channel, &step.mark(), step.since).await {
            Ok(posted) => Ok(posted),
            // The channel may not be read: the message may be posted twice, which is better than not at all.
            Err(CallError::Refused(word)) => {
                tracing::warn!(slack.step = step.mark(), reason = word, "a message may be posted twice");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn keep_posted(&self, step: &Step, place: Place) -> Result<Came, Trouble> {
        let Connection { slack, token, workspace } = &self.connection;
        let Some(incident) = self.incident_of(step).await? else {
            return Ok(Came::Obsolete("there is no such incident"));
        };
        let channel = self.channel_of(step).await?;
        let target = match place {
            Place::Announcements => workspace.announcements.clone(),
            Place::Channel => channel.clone(),
        };
        if let Some(opener) = of_stranger(&incident.creator) {
            // When they opened the incident, we did not ask Slack who they are, so that opening it did not wait.
            let _ = self.who(&opener).await;
        }
        let choices = self.services.store.incident_choices(self.org).await?;
        // In the incident's own channel, nobody needs a link to the channel.
        let linked = channel.filter(|_| place == Place::Announcements);
        let said = slack::block::incident(&self.shown(&incident, &choices, linked).await?);
        let says = fingerprint(json!([said.text, said.blocks]).to_string().as_bytes(), 32);
        let posted = match (&step.kept.channel, &step.kept.ts) {
            (Some(channel), Some(ts)) => Some(Posted { channel: channel.clone(), ts: ts.clone() }),
            _ => match &target {
                Some(target) => self.find(step, target).await?,
                None => return Ok(Came::Obsolete("there is no channel to post to")),
            },
        };
        let Some(posted) = posted else {
            let Some(target) = target else { return Ok(Came::Obsolete("there is no channel to post to")) };
            let posted = slack.post(token, &message(&target, None, &said, step)).await?;
            return Ok(done(step, &posted, Some(says), "posted"));
        };
        if step.kept.says.as_ref() == Some(&says) {
            return Ok(done(step, &posted, Some(says), "unchanged"));
        }
        match slack.edit(token, &posted, &said.text, &said.blocks).await {
            Ok(()) => Ok(done(step, &posted, Some(says), "edited")),
            Err(error) if error.is("message_not_found") => self.post_anew(step, &posted, (&said, says)).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Posts a message again that somebody has deleted, once. If they delete it again, it stays deleted.
    async fn post_anew(&self, step: &Step, gone: &Posted, said: (&Message, String)) -> Result<Came, Trouble> {
        let Connection { slack, token, .. } = &self.connection;
        let (said, says) = said;
        if step.kept.posted_anew {
            return Ok(done(step, gone, Some(says), "somebody has deleted it again: it stays so"));
        }
        let posted = match self.find(step, &gone.channel).await? {
            Some(posted) => posted,
            None => slack.post(token, &message(&gone.channel, None, said, step)).await?,
        };
        Ok(match done(step, &posted, Some(says), "somebody deleted the message, so it was posted again") {
            Came::Done(kept, why) => Came::Done(Kept { posted_anew: true, ..kept }, why),
            came => came,
        })
    }

    async fn share(&self, step: &Step, version: u64) -> Result<Came, Trouble> {
        let Connection { slack, token, .. } = &self.connection;
        let Some(incident) = self.incident_of(step).await? else {
            return Ok(Came::Obsolete("there is no such incident"));
        };
        let row = self.services.store.incident_step(self.org, incident.id, version).await?;
        let (Some(row), Some(channel)) = (row, self.channel_of(step).await?) else {
            return Ok(Came::Obsolete("there is nothing to share, or no channel"));
        };
        let posted = match self.find(step, &channel).await? {
            Some(posted) => posted,
            None => {
                let choices = self.services.store.incident_choices(self.org).await?;
                let said = self.shared(&row, &choices).await?;
                slack.post(token, &message(&channel, None, &said, step)).await?
            }
        };
        Ok(done(step, &posted, None, "shared"))
    }

    /// The people who are invited to an incident's channel.
    async fn responders(&self, incident: &Incident) -> Result<(Vec<UserId>, Vec<SlackUserId>), Trouble> {
        let mut people: Vec<UserId> = incident.roles.values().copied().collect();
        people.extend(incident.creator.user());
        for escalation in self.escalations(incident).await? {
            let told = self.services.store.escalation_with_story(self.org, escalation.id).await?;
            let Some(told) = told else { continue };
            people.extend(told.notifications.iter().map(|notification| notification.user));
            people.extend(told.history.iter().filter_map(|row| row.by.parse::<Identity>().ok()?.user()));
        }
        people.sort();
        people.dedup();
        people.truncate(MOST_PEOPLE);
        Ok((people, of_stranger(&incident.creator).into_iter().collect()))
    }

    async fn invite(&self, step: &Step) -> Result<Came, Trouble> {
        let Connection { slack, token, .. } = &self.connection;
        let Some(incident) = self.incident_of(step).await? else {
            return Ok(Came::Obsolete("there is no such incident"));
        };
        let Some(channel) = self.channel_of(step).await? else {
            return Ok(Came::Obsolete("there is no channel"));
        };
        let (people, mut wanted) = self.responders(&incident).await?;
        for user in people {
            wanted.extend(self.in_slack(user).await?);
        }
        let mut kept = step.kept.clone();
        let (mut invited, mut refused) = (0, 0);
        for user in wanted {
            if kept.people.contains(&user) {
                continue;
            }
            match slack.invite(token, &channel, &user).await {
                Ok(()) => invited += 1,
                Err(CallError::Refused(word)) if PERSONAL.contains(&&*word) => refused += 1,
                Err(error) => return Err(error.into()),
            }
            kept.people.push(user);
        }
        let why = if refused == 0 {
            format!("{invited} invited")
        } else {
            format!("{invited} invited, {refused} cannot be")
        };
        Ok(Came::Done(kept, why))
    }
}

/// The purpose for which the address of an answer is sealed.
pub(super) const ANSWER: &str = "slack answer";

/// A message of a step.
fn message(channel: &ChannelId, below: Option<&String>, said: &Message, step: &Step) -> NewMessage {
    let blocks: Vec<Value> = said.blocks.clone();
    NewMessage {
        channel: channel.to_string(),
        below: below.cloned(),
        text: said.text.clone(),
        blocks,
        mark: step.mark(),
    }
}

/// The result of a step whose message was posted.
fn done(step: &Step, posted: &Posted, says: Option<String>, why: &str) -> Came {
    let kept = Kept {
        channel: Some(posted.channel.clone()),
        ts: Some(posted.ts.clone()),
        says,
        ..step.kept.clone()
    };
    Came::Done(kept, why.to_owned())
}

/// Escapes untrusted text for Slack's markup.
pub(super) fn quoted(text: &str) -> String {
    escape(text)
}
