//! What people do in Slack, on its way to `slack-work`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{ChannelId, SlackUserId, TeamId};
use crate::id::{EscalationId, IncidentId, SeverityId};

/// A request to `slack-work`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackRequest {
    /// Somebody asks for something.
    Asked(Box<Asked>),
    /// The workspace has removed the app.
    Removed {
        /// The workspace.
        team: TeamId,
        /// When.
        at: Timestamp,
    },
}

/// A message that stands somewhere in Slack: what it takes to change it later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRef {
    /// The channel; of a direct message, the one between the two.
    pub channel: ChannelId,
    /// The message.
    pub ts: String,
}

/// What somebody asks for, and where.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// The workspace.
    pub team: TeamId,
    /// Who.
    pub user: SlackUserId,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// What tells this from everything else that is asked; a repetition has the same.
    pub key: String,
    /// When it arrived.
    pub at: Timestamp,
    /// Where to answer, for half an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_to: Option<String>,
    /// What allows a form to be opened, for three seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// What.
    pub ask: Ask,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// They typed this after the command.
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
    Press(Press),
    /// They sent a form.
    Form(Form),
    /// They pinned a message.
    Pin(Pin),
    /// They came into a channel.
    Joined,
}

/// A button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Press {
    /// Acknowledge whatever an incident still pages for.
    Acknowledge(IncidentId),
    /// Acknowledge one escalation.
    AcknowledgePage(EscalationId),
    /// Resolve an incident.
    Resolve(IncidentId),
    /// Ask for an update in a form.
    Update(IncidentId),
}

impl Press {
    /// The name of the button, and what it is about.
    pub fn parts(self) -> (&'static str, String) {
        match self {
            Self::Acknowledge(id) => ("acknowledge", id.to_string()),
            Self::AcknowledgePage(id) => ("acknowledge_page", id.to_string()),
            Self::Resolve(id) => ("resolve", id.to_string()),
            Self::Update(id) => ("update", id.to_string()),
        }
    }

    /// The button of a name and what it is about.
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

/// A form that was filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A new incident.
    New {
        /// Its name.
        name: String,
        /// What is going on.
        summary: Option<String>,
        /// How bad it is.
        severity: Option<SeverityId>,
    },
    /// An update of an incident.
    Update {
        /// The incident.
        incident: IncidentId,
        /// What to share.
        message: String,
        /// How bad it is now.
        severity: Option<SeverityId>,
    },
}

/// A message that was pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
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
            Press::Acknowledge(IncidentId::new(at, 1)),
            Press::AcknowledgePage(EscalationId::new(at, 2)),
            Press::Resolve(IncidentId::new(at, 3)),
            Press::Update(IncidentId::new(at, 4)),
        ];
        for press in all {
            let (name, about) = press.parts();
            assert_eq!(Press::named(name, &about), Some(press));
        }
        assert_eq!(Press::named("resolve", "x"), None);
        assert_eq!(Press::named("delete", &IncidentId::new(at, 1).to_string()), None);
    }
}
