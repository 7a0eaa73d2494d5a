//! Checks that places agree which must agree: packages, template, events, documents, queues, settings, and the
//! direction of dependencies. Each failure says what is missing and where.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

mod alarms;
mod api;
mod circles;
mod crates;
mod documents;
mod functions;
mod guards;
mod jobs;
mod queues;
mod settings;
mod source;
mod table;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names in a folder of the project.
fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(testing::template::root().join(folder)).expect("the folder is there");
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// Every file below a folder whose name ends so, with its text.
fn files_below(folder: &Path, end: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            let name = path.strip_prefix(testing::template::root()).unwrap();
            files.push((name.to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

#[test]
fn generated_parts_of_documents_are_up_to_date() {
    for document in testing::readme::read().unwrap() {
        let lines = document.stored.lines().zip(document.generated.lines());
        let first = lines.clone().find(|(stored, generated)| stored != generated);
        assert!(
            document.stored == document.generated,
            "{} is out of date: run `cargo xtask readme`. The first difference: {first:?}",
            document.path
        );
    }
}

#[test]
fn documents_draw_every_machine() {
    let domain = files_below(&testing::template::root().join("shared/domain/src"), ".rs");
    let machines: usize = domain.iter().map(|(_, text)| text.matches("impl Stateful for ").count()).sum();

    assert_eq!(
        machines,
        testing::readme::MACHINES.len(),
        "MACHINES in shared/testing/src/readme.rs lacks a machine"
    );
}

#[test]
fn every_file_of_a_test_is_compiled() {
    let mut lost = Vec::new();
    for (main, text) in files_below(&testing::template::root().join("shared"), "/main.rs") {
        let Some((folder, _)) = main.rsplit_once('/').filter(|(folder, _)| folder.contains("/tests/")) else {
            continue;
        };
        for entry in fs::read_dir(testing::template::root().join(folder)).unwrap() {
            let file = entry.unwrap().file_name().to_string_lossy().into_owned();
            let module = file.strip_suffix(".rs").filter(|module| *module != "main");
            if module.is_some_and(|module| !text.contains(&format!("mod {module};"))) {
                lost.push(format!("{folder}/{file}"));
            }
        }
    }

    assert!(lost.is_empty(), "these never run: add a `mod` line for each to the main.rs beside it: {lost:?}");
}

#[test]
fn top_level_holds_only_what_belongs_there() {
    let allowed = [
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "events",
        "functions",
        "infra",
        "shared",
        "template.yaml",
    ];
    let names = names_in("");
    let extra: Vec<_> = names
        .iter()
        .filter(|name| !name.starts_with('.') && *name != "target" && !allowed.contains(&name.as_str()))
        .collect();

    assert!(extra.is_empty(), "these do not belong at the top: {extra:?}");
}
