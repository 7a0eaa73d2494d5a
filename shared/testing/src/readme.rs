//! The parts of the documents that are generated from the code: functions, settings, states and roles.

use std::collections::BTreeMap;
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

/// A machine that the documents show.
pub struct Machine {
    /// The name that the documents use.
    name: &'static str,
    /// Draws the diagram of its states.
    draw: fn() -> String,
}

/// Every machine of the product.
pub const MACHINES: &[Machine] = &[
    Machine { name: "Escalation", draw: diagram::<EscalationState> },
    Machine { name: "Notification", draw: diagram::<NotificationState> },
    Machine { name: "Alert", draw: diagram::<AlertState> },
    Machine { name: "Incident", draw: diagram::<IncidentState> },
    Machine { name: "Sign-in", draw: diagram::<SignInState> },
    Machine { name: "Alert source", draw: diagram::<SourceState> },
    Machine { name: "Heartbeat", draw: diagram::<HeartbeatState> },
    Machine { name: "Backfill of an alert source", draw: diagram::<BackfillState> },
    Machine { name: "Slack step", draw: diagram::<StepState> },
];

/// A document with generated parts.
pub struct Document {
    /// Its path below the root of the project.
    pub path: &'static str,
    /// Its text as it is stored.
    pub stored: String,
    /// Its text with the generated parts as they should be.
    pub generated: String,
}

/// Reads every document with generated parts and generates those parts again.
///
/// # Errors
/// If a document cannot be read, or one of its marks is missing.
pub fn read() -> anyhow::Result<Vec<Document>> {
    Ok(vec![
        document("README.md", &[("settings", settings())])?,
        document(ARCHITECTURE, &[("functions", functions()?), ("machines", machines()), ("roles", roles())])?,
        document("infra/decisions/README.md", &[("decisions", decisions()?)])?,
    ])
}

/// The document with the tables of functions and roles and the diagrams of the machines.
pub const ARCHITECTURE: &str = "shared/README.md";

/// Reads a document and puts each part between its marks.
fn document(path: &'static str, parts: &[(&str, String)]) -> anyhow::Result<Document> {
    let stored = fs::read_to_string(root().join(path)).with_context(|| format!("reading `{path}`"))?;
    let mut generated = stored.clone();
    for (mark, part) in parts {
        generated = put(&generated, mark, part).with_context(|| format!("`{path}` lacks a mark"))?;
    }
    Ok(Document { path, stored, generated })
}

/// Puts a part between its marks.
fn put(text: &str, mark: &str, part: &str) -> anyhow::Result<String> {
    let (open, close) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let missing = || format!("add the lines `{}` and `{close}`", open.trim_end());
    let (head, rest) = text.split_once(&open).with_context(missing)?;
    let (_, tail) = rest.split_once(&close).with_context(missing)?;
    Ok(format!("{head}{open}{part}{close}{tail}"))
}

/// The table of functions: what starts each one, and the first paragraph of its `lib.rs`.
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

/// The table of settings.
fn settings() -> String {
    let mut table = "| variable | purpose | default |\n| --- | --- | --- |\n".to_owned();
    for setting in SETTINGS {
        let default = setting.default.replace('<', "&lt;");
        table.push_str(&format!("| `{}` | {} | {default} |\n", setting.name, setting.what));
    }
    table
}

/// The table of permissions: which roles of people and of API keys have each one.
fn roles() -> String {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    let mut table = format!("| permission | {} | roles of API keys |\n", names.join(" | "));
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

/// A diagram for each machine.
fn machines() -> String {
    let drawings =
        MACHINES.iter().map(|Machine { name, draw }| format!("### {name}\n\n```mermaid\n{}\n```\n", draw()));
    drawings.collect::<Vec<_>>().join("\n")
}

/// The list of decisions, by their titles.
fn decisions() -> anyhow::Result<String> {
    let mut rows = BTreeMap::new();
    for entry in fs::read_dir(root().join("infra/decisions"))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("reading `{}`", path.display()))?;
        let title = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
        if file != "README.md" {
            let title = title.split_once(". ");
            let (number, title) =
                title.with_context(|| format!("`{file}` must begin with `# NUMBER. Title`"))?;
            rows.insert(file.clone(), format!("- {number}: [{title}]({file})\n"));
        }
    }
    Ok(rows.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_around_the_marks_is_kept() {
        let text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";

        assert_eq!(put(text, "x", "new\n").unwrap(), "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n");
        assert!(put(text, "y", "new\n").unwrap_err().to_string().contains("<!-- y -->"));
    }
}
