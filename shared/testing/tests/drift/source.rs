//! What only one place in the code may do.

use testing::template::root;

use super::files_below;

/// The product's code, without its tests.
pub(crate) fn product() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in ["functions", "shared", "infra/local"] {
        files.extend(files_below(&root().join(folder), ".rs"));
    }
    files.retain(|(name, _)| name.contains("/src/") && !name.starts_with("shared/testing/"));
    for (_, text) in &mut files {
        if let Some((code, _)) = text.split_once("#[cfg(test)]") {
            *text = code.to_owned();
        }
    }
    files
}

/// Whether a line makes an incident, rather than declaring or taking one apart.
fn makes_an_incident(line: &str) -> bool {
    let made = line.match_indices("Incident {").any(|(at, _)| {
        let before = &line[..at];
        let longer_name = before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        let declared = ["struct ", "impl ", "for ", "-> "].iter().any(|word| before.ends_with(word));
        !longer_name && !declared
    });
    made || line.contains(".born(IncidentState")
}

#[test]
fn an_incident_comes_to_be_in_one_place() {
    let writers: Vec<String> = product()
        .into_iter()
        .filter(|(_, text)| text.lines().any(makes_an_incident))
        .map(|(name, _)| name)
        .collect();

    assert_eq!(
        writers,
        ["shared/app/src/incident/create.rs"],
        "app::incident::create is the only way an incident comes to be"
    );
}

#[test]
fn keys_are_spelled_in_one_file() {
    let words = [
        "LOOKUP#",
        "#CONFIG",
        "#ORG\"",
        "#ALERT#",
        "#ESCALATION#",
        "#INCIDENT#",
        "#KEY#",
        "#PATH#",
        "#UNROUTED",
        "#COUNTER",
        "\"PAGE#",
        "\"ROUTE#",
        "\"USER#",
        "\"SOURCE#",
        "DUE#",
    ];
    for (name, text) in product() {
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let spelled: Vec<_> =
            words.iter().filter(|word| code.iter().any(|line| line.contains(**word))).collect();
        let right = name == "shared/store/src/table.rs";
        assert!(
            right || spelled.is_empty(),
            "{name} spells keys, which only shared/store/src/table.rs does: {spelled:?}"
        );
        assert!(
            !right || spelled.len() > words.len() / 2,
            "the words of this test are no longer those of table.rs"
        );
    }
}

#[test]
fn nothing_is_scanned() {
    for (name, text) in product() {
        assert!(!text.contains(".scan()"), "{name} scans; whatever it looks for needs a key or an index");
    }
}
