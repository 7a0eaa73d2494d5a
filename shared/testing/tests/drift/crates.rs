//! Dependencies point one way.

use std::fs;
use std::process::Command;

use serde_json::Value;
use testing::template::root;

/// Where a crate stands: it may depend on crates of a lower number only. Those that stand nowhere are tools around
/// the product, and nothing of the product may depend on them.
fn floor(name: &str, manifest: &str) -> Option<u8> {
    match name {
        "machine" => Some(0),
        "domain" | "egress" => Some(1),
        "mail" | "slack" => Some(2),
        "sources" | "store" | "notify" => Some(3),
        "app" => Some(4),
        "runtime" => Some(5),
        "http-api" => Some(6),
        _ if manifest.contains("/functions/") => Some(7),
        _ => None,
    }
}

/// Crates that only some may use directly, and who.
const KEPT: &[(&str, &[&str])] = &[
    ("aws-sdk-dynamodb", &["store", "runtime", "testing", "embedded", "local"]),
    ("aws-sdk-sqs", &["store", "runtime", "testing", "embedded", "local"]),
    ("aws-config", &["runtime"]),
    ("lambda_runtime", &["runtime"]),
    ("lambda_http", &["runtime", "testing"]),
    ("anyhow", &["endtoend", "local", "testing", "xtask", "browser", "client-incident-io"]),
    ("lettre", &["notify"]),
    ("mail-parser", &["mail"]),
    ("hyper", &["egress", "runtime"]),
];

/// The workspace's packages, as cargo knows them.
fn packages() -> Vec<Value> {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    let ours = |name: &str| packages.iter().find(|package| package["name"] == name);
    let floor_of = |package: &Value| {
        floor(package["name"].as_str().unwrap(), package["manifest_path"].as_str().unwrap())
    };
    for package in &packages {
        let Some(here) = floor_of(package) else { continue };
        for dependency in package["dependencies"].as_array().unwrap() {
            let (name, tests_only) = (dependency["name"].as_str().unwrap(), dependency["kind"] == "dev");
            let Some(target) = ours(name).filter(|_| !tests_only) else { continue };
            let below = floor_of(target).is_some_and(|there| there < here);
            assert!(below, "`{}` depends on `{name}`, which is not below it", package["name"]);
        }
    }
}

#[test]
fn some_crates_are_used_in_their_place_alone() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let kept = KEPT.iter().find(|(kept, _)| *kept == used).map_or(&[][..], |(_, by)| by);
            let free = kept.is_empty() || dependency["kind"] == "dev" || kept.contains(&name);
            assert!(free, "`{name}` depends on `{used}`, which only {kept:?} may");
        }
    }
}

#[test]
fn every_crate_is_under_the_lints_of_the_workspace() {
    for package in packages() {
        let manifest = fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} lacks `[lints] workspace = true`",
            package["name"]
        );
    }
}
