//! Guards, their patches and their stories.

use std::fs;

use testing::template::root;

/// The patch and the story of each guard, as `cargo xtask guards` names them.
fn guards() -> Vec<(String, String)> {
    let source = fs::read_to_string(root().join("infra/xtask/src/guards.rs")).unwrap();
    let quoted = |text: &str| text.split('"').nth(1).map(str::to_owned);
    let mut guards = Vec::new();
    for guard in source.split("patch: \"").skip(1) {
        let patch = guard.split('"').next().unwrap().to_owned();
        let story = guard.split_once("story:").and_then(|(_, rest)| quoted(rest));
        let story = story.unwrap_or_else(|| panic!("`{patch}` has no story"));
        guards.push((patch, story));
    }
    guards
}

#[test]
fn every_guard_has_a_story_that_there_is() {
    let tests = root().join("shared/testing/tests");
    for (patch, story) in guards() {
        let (module, name) = story.rsplit_once("::").unwrap_or_else(|| panic!("`{story}` names no module"));
        let module = module.replace("::", "/");
        let files = ["stories", "jobs"].map(|folder| tests.join(folder).join(format!("{module}.rs")));
        let told: String = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
        assert!(
            told.contains(&format!("fn {name}")),
            "the guard `{patch}` is judged by `{story}`, which is in none of {files:?}: a guard without a story is never missed"
        );
    }
}

#[test]
fn every_patch_is_of_a_guard() {
    let guards = guards();
    let patches = fs::read_dir(root().join("shared/testing/guards")).unwrap();
    let mut found = 0;
    for patch in patches
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "patch"))
    {
        let name = patch.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            guards.iter().any(|(guard, _)| *guard == name),
            "no guard in guards.rs applies `{name}.patch`"
        );
        found += 1;
    }
    assert_eq!(found, guards.len(), "a guard in guards.rs has no patch");
}
