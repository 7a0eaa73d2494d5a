//! A function is a package, a line of the local runner, a resource, a folder of events and a row of the architecture.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use runtime::Function;
use serde_json::{Value, json};
use testing::fixture::Fixture;
use testing::template::{Template, Trigger, root};

use super::{files_below, names_in};

#[test]
fn every_function_is_everywhere() {
    let readme = fs::read_to_string(root().join(testing::readme::ARCHITECTURE)).unwrap();
    let rows =
        readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ")).map(|(name, _)| name);
    let template = Template::load().unwrap().functions().unwrap();
    let local: BTreeSet<String> = local::functions::ALL.iter().map(|entry| entry.name.to_owned()).collect();
    let places: [(&str, BTreeSet<String>); 4] = [
        ("packages: functions/<name>/", names_in("functions")),
        ("the local runner: a line in infra/local/src/functions.rs, a dependency in its Cargo.toml", local),
        (
            "template.yaml: a block `# function <name>`",
            template.iter().map(|function| function.name.clone()).collect(),
        ),
        (
            "events: events/<name>/<case>.json, and its line in shared/testing/tests/events/",
            names_in("events"),
        ),
    ];

    let all: BTreeSet<&String> = places.iter().flat_map(|(_, names)| names).collect();
    let mut missing = Vec::new();
    for name in &all {
        for (place, names) in &places {
            if !names.contains(*name) {
                missing.push(format!("`{name}` is missing from {place}"));
            }
        }
        if !rows.clone().any(|row| row == *name) {
            missing.push(format!("`{name}` is missing from shared/README.md: run `cargo xtask readme`"));
        }
    }
    assert!(
        missing.is_empty(),
        "\n{}\n`cargo xtask new-function NAME --trigger …` adds what is missing of a function that was begun, but for its \
         row and the line of its event",
        missing.join("\n")
    );
}

#[tokio::test]
async fn what_starts_a_function_in_the_template_is_what_it_handles() {
    let fixture = Fixture::new().await.unwrap();
    let declared = fixture.template.functions().unwrap();
    let declared: BTreeMap<&str, &Trigger> = declared.iter().map(|f| (&*f.name, &f.trigger)).collect();

    for entry in local::functions::ALL {
        let agrees = match ((entry.function)(fixture.context.clone()), declared.get(entry.name)) {
            (Function::Http(_), Some(Trigger::Http(routes))) => !routes.is_empty(),
            (Function::Sqs(_), Some(Trigger::Queue(queue))) => queue == entry.name,
            (Function::Stream(_), Some(Trigger::Stream)) => true,
            (Function::Schedule(_), Some(Trigger::Schedule(when))) => when == "rate(1 minute)",
            (Function::Resource(_), Some(Trigger::Deployment)) => true,
            _ => false,
        };
        assert!(
            agrees,
            "`{}`: the template starts it by {:?}, which is not what its lib.rs makes: requests need routes, a queue \
             needs the function's name, a schedule is each minute",
            entry.name,
            declared.get(entry.name)
        );
    }
}

#[test]
fn requests_come_by_routes_of_their_function_which_the_api_may_call() {
    let template = Template::load().unwrap();
    for function in template.functions().unwrap() {
        let Trigger::Http(routes) = &function.trigger else { continue };
        let name = &function.name;
        for (file, text) in files_below(&root().join("events").join(name), ".json") {
            let event: Value = serde_json::from_str(&text).unwrap();
            let key = event["routeKey"].as_str().unwrap_or_default();
            assert!(
                routes.iter().any(|route| route == key),
                "{file} comes by `{key}`, which is no route of `{name}` in template.yaml: {routes:?}"
            );
        }
        let itself = json!({ "Ref": function.logical_id });
        let permissions = template.resources("AWS::Lambda::Permission");
        assert!(
            permissions.iter().any(|(_, permission)| permission["FunctionName"] == itself),
            "`{name}` has routes, but no AWS::Lambda::Permission lets the API call it"
        );
    }
}

#[test]
fn packages_are_named_after_their_folders_and_hold_no_more_than_their_function() {
    for name in names_in("functions") {
        let folder = root().join("functions").join(&name);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert_eq!(
            manifest.matches(&format!("name = \"{name}\"")).count(),
            2,
            "functions/{name}/Cargo.toml: package and binary have the folder's name"
        );
        let main = fs::read_to_string(folder.join("src/main.rs")).unwrap();
        // What sends pages itself has the channels, what reads mails the mailbox; nobody else has their code.
        let run = match name.as_str() {
            "notification-send" => "run_sender",
            "mail-receive" => "run_receiver",
            _ => "run",
        };
        let run = format!("    runtime::{run}({}::function)\n", name.replace('-', "_"));
        assert!(main.contains(&run), "functions/{name}/src/main.rs does nothing but run its function");
    }
}

#[test]
fn generated_files_are_current() {
    for (file, text) in testing::generate::files().unwrap() {
        let now = std::fs::read_to_string(testing::template::root().join(&file)).unwrap_or_default();
        let first = now.lines().zip(text.lines()).find(|(is, should)| is != should);
        assert!(
            now == text,
            "`{file}` is not current: run `cargo xtask generate`; first difference: {first:?}"
        );
    }
}
