//! Plain words: texts use none of the expressions in `shared/testing/plain-words.txt`.
//!
//! `documents_use_plain_words` reads documents and templates, `code_uses_plain_words` the comments and texts of the product.

use std::collections::BTreeMap;
use std::fs;

use testing::template::root;

use super::documents::documents;

/// The list of expressions.
const LIST: &str = "shared/testing/plain-words.txt";

/// An expression that must not be used, and a better one.
struct Rule {
    /// The phrase, in lower case, with single spaces.
    phrase: String,
    /// What to write instead.
    better: String,
    /// A longer phrase that is allowed.
    allowed: Option<String>,
}

/// The phrases of the list, and the names of types.
fn rules() -> (Vec<Rule>, Vec<Rule>) {
    let list = fs::read_to_string(root().join(LIST)).unwrap();
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rules = lines.map(|line| {
        let mut columns = line.split('\t').map(str::to_owned);
        let (Some(phrase), Some(better), allowed) = (columns.next(), columns.next(), columns.next()) else {
            panic!("{LIST}: `{line}` needs a tab and a better expression");
        };
        Rule { phrase, better, allowed }
    });
    let (mut names, phrases): (Vec<Rule>, Vec<Rule>) =
        rules.partition(|rule| rule.phrase.starts_with("type "));
    for rule in &mut names {
        rule.phrase = rule.phrase["type ".len()..].to_owned();
    }
    (phrases, names)
}

/// A text without case, and with single spaces.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Where a phrase is in a text as whole words.
fn find(text: &str, phrase: &str) -> Option<usize> {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut places = text.match_indices(phrase).map(|(at, _)| at);
    places.find(|&at| {
        let before = text[..at].chars().next_back().is_some_and(|c| inside(c) || c == '\'');
        let after = text[at + phrase.len()..].chars().next().is_some_and(inside);
        !before && !after
    })
}

/// The findings in some texts of a file.
fn findings(file: &str, texts: &[String], rules: &[Rule]) -> Vec<String> {
    let mut found = Vec::new();
    for text in texts.iter().map(|text| plain(text)) {
        for Rule { phrase, better, allowed } in rules {
            let rest = allowed.as_ref().map_or_else(|| text.clone(), |allowed| text.replace(allowed, ""));
            if let Some(at) = find(&rest, phrase) {
                let start = rest[..at].char_indices().rev().nth(40).map_or(0, |(at, _)| at);
                let shown: String = rest[start..].chars().take(100).collect();
                found.push(format!("{file}: `{phrase}` → {better}\n    …{shown}…"));
            }
        }
    }
    found
}

/// The paragraphs of a document, without code and names in backticks.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut code = false;
    for line in text.lines() {
        if line.starts_with("```") {
            code = !code;
            continue;
        }
        if code || line.trim().is_empty() || line.trim_start().starts_with(['#', '|', '-']) {
            paragraphs.push(String::new());
        }
        if !code {
            let last = paragraphs.last_mut().unwrap();
            last.push_str(line);
            last.push(' ');
        }
    }
    paragraphs.iter().map(|text| without_names(text)).collect()
}

/// A text whose parts in backticks are replaced.
fn without_names(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').step_by(2).collect();
    parts.join(" `` ")
}

/// The comments and descriptions of a template.
fn template_texts(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| {
        let line = line.trim();
        let described =
            ["Description:", "AlarmDescription:", "\"title\":"].iter().find_map(|key| line.strip_prefix(key));
        described.or_else(|| line.strip_prefix('#'))
    });
    lines.map(without_names).collect()
}

/// The comments and the texts of a file of Rust code, without its tests.
///
/// Consecutive lines of a comment are one text. A string literal is one text.
fn code_texts(text: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut comment = String::new();
    for line in text.split("#[cfg(test)]").next().unwrap_or_default().lines() {
        match line.trim_start().strip_prefix("//") {
            Some(words) => {
                comment.push_str(words.trim_start_matches(['/', '!']));
                comment.push(' ');
            }
            None => {
                texts.push(without_names(&std::mem::take(&mut comment)));
                texts.extend(literals(line));
            }
        }
    }
    texts.push(without_names(&comment));
    texts.retain(|text| text.contains(' '));
    texts
}

/// The string literals of a line. A literal that continues on the next line is read as two.
fn literals(line: &str) -> Vec<String> {
    let line = line.replace("\\\"", "'").replace("'\"'", "''");
    let quoted = line.split('"').skip(1).step_by(2);
    let continued = (line.trim_start() == line.trim_start_matches(' ') && !line.contains('"')).then_some("");
    quoted.chain(continued).filter(|text| !text.is_empty()).map(without_names).collect()
}

/// The names of the types that a file of Rust code declares.
fn declared(text: &str) -> Vec<&str> {
    let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    let words = ["struct ", "enum ", "trait ", "type "];
    let names = code.filter_map(|line| {
        let line =
            line.strip_prefix("pub ").or_else(|| line.split_once(") ").map(|(_, rest)| rest)).unwrap_or(line);
        let rest = words.iter().find_map(|word| line.strip_prefix(word))?;
        rest.split(|c: char| !c.is_alphanumeric()).next()
    });
    names.collect()
}

#[test]
fn documents_use_plain_words() {
    let (phrases, _) = rules();
    let mut found = Vec::new();
    for (document, text) in documents() {
        // The glossary names the words that must not be used.
        if document != "shared/GLOSSARY.md" {
            found.extend(findings(&document, &paragraphs(&text), &phrases));
        }
    }
    for template in ["template.yaml", "infra/alarms.yaml", "infra/dashboard.yaml"] {
        let text = fs::read_to_string(root().join(template)).unwrap();
        found.extend(findings(template, &template_texts(&text), &phrases));
    }

    assert!(found.is_empty(), "{} texts need plainer words ({LIST}):\n{}", found.len(), found.join("\n"));
}

#[test]
fn phrases_match_whole_words_across_lines() {
    let text = plain("An alert that\n  Goes   On, and Whoever's page.");

    assert_eq!(find(&text, "goes on"), Some(14));
    assert_eq!((find(&text, "ever's"), find("no morelia", "no more")), (None, None));
    assert_eq!(
        paragraphs("# What a\n\ntext `what a` here\n```\nwhat a\n```\nend"),
        ["", "# What a ", " text  ``  here ", "end "].map(str::to_owned)
    );
}

#[test]
fn texts_of_code_are_its_comments_and_literals() {
    let code = "/// Goes\n/// on.\nfn f() { say(\"is over\"); }\n#[cfg(test)]\n// is over";

    assert_eq!(code_texts(code), [" Goes  on. ", "is over"].map(str::to_owned));
    assert_eq!(declared("pub struct Said;\npub(crate) enum Told {\n    // struct No\n"), ["Said", "Told"]);
}

#[test]
fn code_uses_plain_words() {
    let (phrases, names) = rules();
    let mut found = Vec::new();
    for (file, text) in super::source::product() {
        found.extend(findings(&file, &code_texts(&text), &phrases));
        for name in declared(&text) {
            if let Some(rule) = names.iter().find(|rule| rule.phrase == name) {
                found.push(format!("{file}: the type `{name}` → {}", rule.better));
            }
        }
    }

    assert!(found.is_empty(), "{} texts need plainer words ({LIST}):\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_two_types_of_a_crate_have_the_same_name() {
    let mut places = BTreeMap::<(String, String), Vec<String>>::new();
    for (file, text) in super::source::product() {
        let folder = file.split('/').take(2).collect::<Vec<_>>().join("/");
        // Associated types are indented.
        let code: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
        for name in declared(&code.join("\n")) {
            places.entry((folder.clone(), name.to_owned())).or_default().push(file.clone());
        }
    }
    places.retain(|_, files| files.len() > 1);

    assert!(places.is_empty(), "rename these types: {places:#?}");
}
