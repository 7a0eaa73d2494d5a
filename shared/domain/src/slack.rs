//! Slack: the workspace of an organisation, requests of people, and steps that are owed to it.

pub mod command;
pub mod follow;
mod id;
mod message;
pub mod step;
pub mod text;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use command::{Command, CommandTarget};
pub use id::{BadSlackId, ChannelId, SlackUserId, TeamId};
pub use message::{
    ButtonPress, MessageRef, PinnedMessage, SlackAction, SlackMessage, SlackRequest, SubmittedForm,
};
pub use step::{Kept, Step, StepId, StepState, Thread, Work};

/// The workspace that an organisation has connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Its id.
    pub team: TeamId,
    /// The name.
    pub name: String,
    /// Firebell's bot user.
    pub bot: SlackUserId,
    /// The channel in which incidents are announced, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcements: Option<ChannelId>,
    /// The token, sealed for this workspace.
    pub token: String,
    /// When it was connected.
    pub connected_at: Timestamp,
    /// Set if Slack rejected the token; connecting again clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// The rejection of a workspace token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When the token was rejected.
    pub at: Timestamp,
    /// Slack's error code.
    pub word: String,
}

/// The most characters of a channel name.
const CHANNEL_NAME: usize = 80;

/// The name of an incident's channel, such as `inc-12-disk-full`. Attempt `n` after the first has a number at the end.
pub fn channel_name(number: u64, title: &str, n: u8) -> String {
    let mut name = format!("inc-{number}");
    let mut words = title.chars().flat_map(char::to_lowercase).peekable();
    let mut gap = true;
    while let Some(character) = words.next() {
        if character.is_ascii_alphanumeric() {
            if gap {
                name.push('-');
            }
            name.push(character);
        }
        gap = !character.is_ascii_alphanumeric() && words.peek().is_some();
    }
    name.truncate(CHANNEL_NAME - 4);
    let name = name.trim_end_matches('-');
    if n > 1 { format!("{name}-{n}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_named_as_slack_allows() {
        let cases = [
            ("Disk of db-1 is 97 % full!", 1, "inc-12-disk-of-db-1-is-97-full"),
            ("Disk full", 2, "inc-12-disk-full-2"),
            ("<!channel>", 1, "inc-12-channel"),
            ("火事", 1, "inc-12"),
            ("", 3, "inc-12-3"),
            ("Über--fehler", 1, "inc-12-ber-fehler"),
        ];
        for (title, n, name) in cases {
            assert_eq!(channel_name(12, title, n), name, "{title}");
        }
        let long = channel_name(u64::MAX, &"long ".repeat(50), 9);
        assert!(long.len() <= CHANNEL_NAME, "{long}");
    }
}
