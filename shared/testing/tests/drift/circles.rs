//! The files of `domain` do not import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use testing::template::root;

use crate::files_below;

/// The files of `domain` by the path of their module, without their tests.
fn modules() -> BTreeMap<String, String> {
    let files = files_below(&root().join("shared/domain/src"), ".rs").into_iter();
    let modules = files.map(|(name, text)| {
        let module = name.trim_start_matches("shared/domain/src/").trim_end_matches(".rs").to_owned();
        (module, text.split("#[cfg(test)]").next().unwrap_or_default().to_owned())
    });
    modules.filter(|(module, _)| module != "lib" && !module.contains("tests")).collect()
}

/// Takes `{…}` of a `use` apart: `a::{b, c::{d, e}}` is `a::b`, `a::c::d` and `a::c::e`.
fn expand(path: &str) -> Vec<String> {
    let Some((before, group)) = path.split_once('{') else { return vec![path.trim().to_owned()] };
    let group = group.trim_end().trim_end_matches('}');
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(character);
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(|part| expand(&format!("{}{part}", before.trim()))).collect()
}

/// The file that a path leads to; through `pub use` to the file that defines the name.
fn file_of(modules: &BTreeMap<String, String>, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split(" as ").next()?.split("::").map(str::trim).collect();
    let length = (1..=parts.len()).rev().find(|n| modules.contains_key(&parts[..*n].join("/")))?;
    let file = parts[..length].join("/");
    let Some(name) = parts.get(length) else { return Some(file) };
    for line in modules[&file].split(';').filter_map(|line| line.split_once("pub use ")) {
        for exported in expand(line.1) {
            let Some((child, exported)) = exported.rsplit_once("::") else { continue };
            let child = format!("{file}/{}", child.replace("::", "/"));
            if exported == *name && modules.contains_key(&child) {
                return Some(child);
            }
        }
    }
    Some(file)
}

#[test]
fn files_of_domain_do_not_import_each_other_in_a_circle() {
    let modules = modules();
    let mut imports: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
    for (module, text) in &modules {
        let uses = text.split(';').filter_map(|line| line.split_once("use crate::"));
        let found = uses.flat_map(|(_, path)| expand(path)).filter_map(|path| file_of(&modules, &path));
        imports.insert(module, found.filter(|file| file != module).collect());
    }

    // Files that import nothing that is left are taken away, until only circles and what leads to them are left.
    loop {
        let left: BTreeSet<&String> = imports.keys().copied().collect();
        let done = imports.iter().find(|(_, imported)| imported.iter().all(|file| !left.contains(file)));
        let Some(done) = done.map(|(module, _)| *module) else { break };
        imports.remove(done);
    }
    assert!(imports.is_empty(), "these files import each other, or a file that does: {imports:#?}");
}
