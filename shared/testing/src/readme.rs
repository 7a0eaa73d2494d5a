//! What the README shows that the code knows better: functions, settings, states.

use std::fs;

use anyhow::Context;
use domain::access::{KeyRole, Permission};
use domain::alert::AlertState;
use domain::escalation::EscalationState;
use domain::incident::IncidentState;
use domain::notification::NotificationState;
use domain::sign_in::SignInState;
use domain::slack::StepState;
use domain::source::SourceState;
use domain::source::backfill::BackfillState;
use domain::source::heartbeat::HeartbeatState;
use domain::user::Role;
use machine::check::diagram;
use runtime::config::SETTINGS;

use crate::template::{Template, Trigger, root};

/// A machine, for the README.
pub struct Machine {
    /// The name that people know it by.
    name: &'static str,
    /// Draws it.
    draw: fn() -> String,
}

/// Every machine.
pub const MACHINES: &[Machine] = &[
    Machine { name: "Escalation", draw: diagram::<EscalationState> },
    Machine { name: "Page", draw: diagram::<NotificationState> },
    Machine { name: "Alert", draw: diagram::<AlertState> },
    Machine { name: "Incident", draw: diagram::<IncidentState> },
    Machine { name: "Sign-in", draw: diagram::<SignInState> },
    Machine { name: "Alert source", draw: diagram::<SourceState> },
    Machine { name: "Heartbeat", draw: diagram::<HeartbeatState> },
    Machine { name: "Backfill of an alert source", draw: diagram::<BackfillState> },
    Machine { name: "Slack step", draw: diagram::<StepState> },
];

/// The README as it is, and as it should be.
///
/// # Errors
/// If it cannot be read, or has lost one of its marks.
pub fn read() -> anyhow::Result<(String, String)> {
    let now = fs::read_to_string(root().join("README.md")).context("reading README.md")?;
    let mut text = now.clone();
    let parts =
        [("functions", functions()?), ("settings", settings()), ("roles", roles()), ("machines", machines())];
    for (mark, part) in parts {
        text = put(&text, mark, &part)?;
    }
    Ok((now, text))
}

/// Puts a part between its marks.
fn put(text: &str, mark: &str, part: &str) -> anyhow::Result<String> {
    let (open, close) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let lost = || format!("README.md needs `{}` and `{close}`, each on a line of its own", open.trim_end());
    let (head, rest) = text.split_once(&open).with_context(lost)?;
    let (_, tail) = rest.split_once(&close).with_context(lost)?;
    Ok(format!("{head}{open}{part}{close}{tail}"))
}

/// A row for each function: what starts it, and what it does in its own words.
fn functions() -> anyhow::Result<String> {
    let mut declared = Template::load()?.functions()?;
    declared.sort_by(|a, b| a.name.cmp(&b.name));
    let mut table = "| function | started by | what it does |\n| --- | --- | --- |\n".to_owned();
    for function in declared {
        let name = &function.name;
        let started = match &function.trigger {
            Trigger::Http(routes) => {
                routes.iter().map(|route| format!("`{route}`")).collect::<Vec<_>>().join("<br>")
            }
            Trigger::Queue(queue) => format!("queue `{queue}`"),
            Trigger::Stream => "the table's stream".to_owned(),
            Trigger::Schedule(when) => format!("schedule, `{when}`"),
            Trigger::Deployment => "the deployment".to_owned(),
        };
        let file = root().join("functions").join(name).join("src/lib.rs");
        let source = fs::read_to_string(&file).with_context(|| format!("reading `{}`", file.display()))?;
        let lines = source.lines().map_while(|line| line.strip_prefix("//! "));
        let what: Vec<&str> = lines.collect();
        table.push_str(&format!("| `{name}` | {started} | {} |\n", what.join(" ")));
    }
    Ok(table)
}

/// A row for each setting.
fn settings() -> String {
    let mut table = "| variable | what it is for | default |\n| --- | --- | --- |\n".to_owned();
    for setting in SETTINGS {
        let default = setting.default.replace('<', "&lt;");
        table.push_str(&format!("| `{}` | {} | {default} |\n", setting.name, setting.what));
    }
    table
}

/// A row for each permission: which roles of people have it, and which of API keys.
fn roles() -> String {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    let mut table = format!("| may | {} | roles of API keys |\n", names.join(" | "));
    table.push_str(&format!("| --- |{} --- |\n", " :-: |".repeat(names.len())));
    for what in Permission::ALL {
        let has = Role::ALL.iter().map(|role| if role.grants().has(*what) { "✓" } else { "" });
        let keys = KeyRole::all().into_iter().filter(|role| role.grants().contains(what));
        let keys: Vec<String> = keys.map(|role| format!("`{}`", role.name())).collect();
        let has: Vec<&str> = has.collect();
        table.push_str(&format!("| {} | {} | {} |\n", what.what(), has.join(" | "), keys.join(", ")));
    }
    table
}

/// A drawing for each machine.
fn machines() -> String {
    let drawings =
        MACHINES.iter().map(|Machine { name, draw }| format!("### {name}\n\n```mermaid\n{}\n```\n", draw()));
    drawings.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_round_the_marks_stays() {
        let text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";

        assert_eq!(put(text, "x", "new\n").unwrap(), "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n");
        assert!(put(text, "y", "new\n").unwrap_err().to_string().contains("<!-- y -->"));
    }
}
