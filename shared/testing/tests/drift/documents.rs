//! Documents: every file that they name exists, and every document is linked from another one.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use testing::template::root;

use super::files_below;

/// The folders and files that hold documents.
const FOLDERS: &[&str] = &[".github", "infra", "shared"];

/// Every document of the project, with its path.
pub(crate) fn documents() -> Vec<(String, String)> {
    let mut documents: Vec<(String, String)> =
        FOLDERS.iter().flat_map(|folder| files_below(&root().join(folder), ".md")).collect();
    for name in ["README.md", "CHANGELOG.md"] {
        documents.push((name.to_owned(), std::fs::read_to_string(root().join(name)).unwrap()));
    }
    documents
}

/// The targets of the links of a document, as paths below the root of the project.
fn links(document: &str, text: &str) -> Vec<String> {
    let folder = Path::new(document).parent().unwrap();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let own = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    own.map(|target| plain(&folder.join(target.split('#').next().unwrap_or_default()))).collect()
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::Normal(name) => plain.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    plain.to_string_lossy().into_owned()
}

/// The paths of the project that a document names in backticks.
fn named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        let ours = ["shared/", "infra/", "functions/", "events/", ".github/", ".ci/", ".cargo/"];
        ours.iter().any(|folder| word.starts_with(folder))
            && !word.contains(|c: char| "<>{}*… ".contains(c))
            && !word.contains("NNNN")
    };
    quoted.filter(is_path).collect()
}

/// The files of a crate that its README names, such as `src/source.rs` or `source.rs`, and that do not exist.
fn missing_in_crate(document: &str, text: &str) -> Vec<String> {
    let Some(folder) = document.strip_suffix("/README.md") else { return Vec::new() };
    let quoted =
        text.split('`').skip(1).step_by(2).filter(|word| !word.contains(|c: char| "<>{}*… ".contains(c)));
    let files = quoted.filter(|word| [".rs", ".py", ".yaml"].iter().any(|end| word.ends_with(end)));
    let places = ["", &format!("{folder}/"), &format!("{folder}/src/")].map(str::to_owned);
    let lost =
        files.filter(|file| !places.iter().any(|place| root().join(format!("{place}{file}")).exists()));
    lost.map(|file| format!("{document}: {file}")).collect()
}

#[test]
fn files_that_documents_name_exist() {
    let mut missing = Vec::new();
    for (document, text) in documents() {
        let paths = named(&text).into_iter().map(str::to_owned).chain(links(&document, &text));
        missing.extend(missing_in_crate(&document, &text));
        missing.extend(
            paths.filter(|path| !root().join(path).exists()).map(|path| format!("{document}: {path}")),
        );
    }

    assert!(missing.is_empty(), "these documents name files that do not exist: {missing:#?}");
}

#[test]
fn every_document_is_linked_from_another_one() {
    let documents = documents();
    let linked: BTreeSet<String> =
        documents.iter().flat_map(|(document, text)| links(document, text)).collect();
    let lost: Vec<&String> = documents
        .iter()
        .map(|(document, _)| document)
        .filter(|document| *document != "README.md" && !linked.contains(*document))
        .collect();

    assert!(lost.is_empty(), "no document links to these: {lost:#?}");
}
