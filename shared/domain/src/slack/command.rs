//! Parses the text after `/inc`.

use serde::{Deserialize, Serialize};

use super::id::SlackUserId;
use super::text::plain;

/// The person or path that a command names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandTarget {
    /// The person who typed the command.
    Me,
    /// A Slack user.
    Slack(SlackUserId),
    /// A person's name or email address, or the name of an escalation path.
    Name(String),
}

/// A command. If it names no incident, the channel's incident is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open the form for a new incident.
    Form,
    /// Show the help.
    Help,
    /// Open an incident.
    New {
        /// Its name.
        name: String,
    },
    /// Show the status of an incident.
    Status {
        /// Its number.
        incident: Option<u64>,
    },
    /// Share an update.
    Update {
        /// The incident's number.
        incident: Option<u64>,
        /// The message; a form asks for it if `None`.
        message: Option<String>,
    },
    /// Notify a person or a path.
    Page {
        /// The incident's number.
        incident: Option<u64>,
        /// Who is meant.
        whom: CommandTarget,
    },
    /// Acknowledge the escalations of an incident.
    Acknowledge {
        /// The incident's number.
        incident: Option<u64>,
    },
    /// Close an incident.
    Close {
        /// Its number.
        incident: Option<u64>,
        /// A message to share with it.
        message: Option<String>,
    },
    /// Set the lead.
    Lead {
        /// The incident's number.
        incident: Option<u64>,
        /// Who.
        whom: CommandTarget,
    },
}

/// The help text; each line is a command.
pub const HELP: &str = "\
`/inc` opens an incident with a form, `/inc the database is down` at once
`/inc status [INC-1]` shows the status of the incident
`/inc update [INC-1] we are failing over` shares an update
`/inc page [INC-1] @somebody` or `/inc page Platform on call` notifies a person or an escalation path
`/inc ack [INC-1]` acknowledges the escalations: you are on it, and nobody else is notified
`/inc lead [INC-1] [@somebody]` makes somebody the lead: you, if you name nobody
`/inc close [INC-1] [what it was]` closes the incident and ends its notifications
In the channel of an incident you can leave out its number. `/inc new …` opens an incident with any name.";

impl Command {
    /// Parses the text of a command, in Slack's markup.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let (word, rest) = split(text);
        let (incident, after) = reference(rest);
        match word.to_lowercase().as_str() {
            "" => Self::Form,
            "help" | "?" if rest.is_empty() => Self::Help,
            "new" if rest.is_empty() => Self::Form,
            "new" => Self::New { name: plain(rest) },
            // `status page is down` opens an incident.
            "status" if after.is_empty() => Self::Status { incident },
            "update" => Self::Update { incident, message: said(after) },
            "page" if !after.is_empty() => Self::Page { incident, whom: whom(after) },
            "ack" | "acknowledge" if after.is_empty() => Self::Acknowledge { incident },
            "close" | "resolve" => Self::Close { incident, message: said(after) },
            "lead" => Self::Lead { incident, whom: whom(after) },
            _ => Self::New { name: plain(text) },
        }
    }
}

/// The first word and the rest.
fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// The incident that a text begins with, and what follows.
fn reference(text: &str) -> (Option<u64>, &str) {
    let (word, rest) = split(text);
    let number = word.get(..4).filter(|begin| begin.eq_ignore_ascii_case("inc-")).map(|_| &word[4..]);
    match number.and_then(|number| number.parse().ok()) {
        Some(number) => (Some(number), rest),
        None => (None, text),
    }
}

/// A text; `None` if it is empty.
fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| plain(text))
}

/// The person or path that a text names.
fn whom(text: &str) -> CommandTarget {
    if text.is_empty() || text.eq_ignore_ascii_case("me") {
        return CommandTarget::Me;
    }
    let inside = text.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>'));
    let id = inside.map(|inside| inside.split_once('|').map_or(inside, |(id, _)| id));
    match id.and_then(|id| id.parse().ok()) {
        Some(id) => CommandTarget::Slack(id),
        None => CommandTarget::Name(plain(text).trim_start_matches('@').to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_as_it_is_meant() {
        let named = |name: &str| Command::New { name: name.to_owned() };
        let update = |incident, message: Option<&str>| Command::Update {
            incident,
            message: message.map(str::to_owned),
        };
        let ada = || CommandTarget::Slack("U123".parse().unwrap());
        let cases = [
            ("", Command::Form),
            ("   ", Command::Form),
            ("new", Command::Form),
            ("help", Command::Help),
            ("the database is down", named("the database is down")),
            ("DB &lt;1&gt; is down, ask <@U123|ada>", named("DB <1> is down, ask @ada")),
            ("new status of everything", named("status of everything")),
            ("status", Command::Status { incident: None }),
            ("STATUS inc-12", Command::Status { incident: Some(12) }),
            ("status page is down", named("status page is down")),
            ("help me", named("help me")),
            ("update", update(None, None)),
            ("update failing over", update(None, Some("failing over"))),
            ("update INC-7 failing over", update(Some(7), Some("failing over"))),
            ("update INC-7", update(Some(7), None)),
            ("update INC-x y", update(None, Some("INC-x y"))),
            ("page", named("page")),
            ("page <@U123|ada>", Command::Page { incident: None, whom: ada() }),
            ("page INC-1 <@U123>", Command::Page { incident: Some(1), whom: ada() }),
            ("page @ada", Command::Page { incident: None, whom: CommandTarget::Name("ada".to_owned()) }),
            (
                "page Platform on call",
                Command::Page { incident: None, whom: CommandTarget::Name("Platform on call".to_owned()) },
            ),
            ("ack", Command::Acknowledge { incident: None }),
            ("ack of nothing", named("ack of nothing")),
            ("close", Command::Close { incident: None, message: None }),
            (
                "close INC-3 it was DNS",
                Command::Close { incident: Some(3), message: Some("it was DNS".to_owned()) },
            ),
            ("lead", Command::Lead { incident: None, whom: CommandTarget::Me }),
            ("lead me", Command::Lead { incident: None, whom: CommandTarget::Me }),
            ("lead INC-3 <@U123|ada>", Command::Lead { incident: Some(3), whom: ada() }),
        ];
        for (text, command) in cases {
            assert_eq!(Command::parse(text), command, "{text:?}");
        }
    }

    #[test]
    fn help_names_every_command() {
        for word in ["status", "update", "page", "ack", "lead", "close", "new"] {
            assert!(HELP.contains(&format!("/inc {word}")), "{word}");
        }
    }
}
