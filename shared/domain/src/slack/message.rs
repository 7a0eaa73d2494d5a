//! Messages to `slack-work`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{ChannelId, SlackUserId, TeamId};
use crate::id::{EscalationId, IncidentId, SeverityId};

/// A request to `slack-work`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackMessage {
    /// A person asks for something.
    #[serde(rename = "asked")]
    Request(Box<SlackRequest>),
    /// The workspace removed the app.
    Removed {
        /// The workspace.
        team: TeamId,
        /// When.
        at: Timestamp,
    },
}

/// A reference to a posted Slack message, to change it later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRef {
    /// The channel; for a direct message, the direct-message channel.
    pub channel: ChannelId,
    /// The message.
    pub ts: String,
}

/// A request that a person made in Slack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlackRequest {
    /// The workspace.
    pub team: TeamId,
    /// Who.
    pub user: SlackUserId,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// The key that identifies the request; a repeated delivery has the same key.
    pub key: String,
    /// When it arrived.
    pub at: Timestamp,
    /// The URL for replies, valid for 30 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_to: Option<String>,
    /// The trigger that allows opening a form, valid for three seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// What.
    #[serde(rename = "ask")]
    pub action: SlackAction,
}

/// An action of a person in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackAction {
    /// They used the slash command.
    Command {
        /// The text, in Slack's markup.
        text: String,
    },
    /// They mentioned Firebell.
    Mention {
        /// The text after the mention, in Slack's markup.
        text: String,
        /// The message.
        ts: String,
    },
    /// They pressed a button.
    Press(ButtonPress),
    /// They submitted a form.
    Form(SubmittedForm),
    /// They pinned a message.
    Pin(PinnedMessage),
    /// They joined a channel.
    Joined,
}

/// A button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonPress {
    /// Acknowledge the escalations of an incident.
    Acknowledge(IncidentId),
    /// Acknowledge one escalation.
    AcknowledgePage(EscalationId),
    /// Close an incident.
    Resolve(IncidentId),
    /// Open the form for an update.
    Update(IncidentId),
}

impl ButtonPress {
    /// The button's name and the id that it carries.
    pub fn parts(self) -> (&'static str, String) {
        match self {
            Self::Acknowledge(id) => ("acknowledge", id.to_string()),
            Self::AcknowledgePage(id) => ("acknowledge_page", id.to_string()),
            Self::Resolve(id) => ("resolve", id.to_string()),
            Self::Update(id) => ("update", id.to_string()),
        }
    }

    /// The button with a name and the id that it carries.
    pub fn named(name: &str, about: &str) -> Option<Self> {
        match name {
            "acknowledge" => about.parse().ok().map(Self::Acknowledge),
            "acknowledge_page" => about.parse().ok().map(Self::AcknowledgePage),
            "resolve" => about.parse().ok().map(Self::Resolve),
            "update" => about.parse().ok().map(Self::Update),
            _ => None,
        }
    }
}

/// A submitted form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmittedForm {
    /// A new incident.
    New {
        /// Its name.
        name: String,
        /// The summary.
        summary: Option<String>,
        /// The severity.
        severity: Option<SeverityId>,
    },
    /// An update of an incident.
    Update {
        /// The incident.
        incident: IncidentId,
        /// The message.
        message: String,
        /// The new severity.
        severity: Option<SeverityId>,
    },
}

/// A message that was pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedMessage {
    /// The message.
    pub ts: String,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<SlackUserId>,
    /// Its text, in Slack's markup.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn button_comes_back_from_its_name() {
        let at = Timestamp::UNIX_EPOCH;
        let all = [
            ButtonPress::Acknowledge(IncidentId::new(at, 1)),
            ButtonPress::AcknowledgePage(EscalationId::new(at, 2)),
            ButtonPress::Resolve(IncidentId::new(at, 3)),
            ButtonPress::Update(IncidentId::new(at, 4)),
        ];
        for press in all {
            let (name, about) = press.parts();
            assert_eq!(ButtonPress::named(name, &about), Some(press));
        }
        assert_eq!(ButtonPress::named("resolve", "x"), None);
        assert_eq!(ButtonPress::named("delete", &IncidentId::new(at, 1).to_string()), None);
    }
}
