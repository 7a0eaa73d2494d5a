//! Every operation against every role that a key may have, and every verb against every role of a person.

use std::fs;
use std::path::Path;

use app::api_key::ApiKeySettings;
use domain::Actor;
use domain::access::{KeyRole, Permission};
use domain::user::Role;
use http::{Method, StatusCode};
use http_api::openapi::operations;
use serde_json::json;

use crate::verbs::{SYSTEM, VERBS};
use crate::world::World;

/// An id that nobody has.
const NOBODY: &str = "01FCNDV6P870EA6S7TK1DSYDG0";

/// A key with these roles.
async fn key_of(world: &World, roles: Vec<KeyRole>) -> String {
    let context = &world.context;
    let by = Actor::system(world.org, "test");
    let asked = ApiKeySettings { name: "of a role".to_owned(), comments: String::new(), roles };
    let made = app::api_key::create::create(
        &context.store,
        &context.seal,
        &by,
        asked,
        &context.random,
        context.now(),
    );
    made.await.unwrap().1
}

#[tokio::test]
async fn every_operation_is_refused_to_every_role_of_a_key_that_does_not_give_its_permission() {
    let world = World::new().await;
    let mut roles: Vec<Vec<KeyRole>> = KeyRole::all().into_iter().map(|role| vec![role]).collect();
    roles.push(Vec::new());
    let (mut refused, mut allowed) = (0, 0);

    for roles in roles {
        let key = key_of(&world, roles.clone()).await;
        let granted = Actor::api_key(world.org, NOBODY.parse().unwrap(), &roles).granted();
        for operation in operations().filter(|operation| !operation.by_secret) {
            let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
            let path = operation.path.replace("{id}", NOBODY);
            let answer = world.ask(&key, method, &path, Some(&json!({}))).await;

            let at = format!("{} {} as {roles:?}: {}", operation.method, operation.path, answer.body);
            if operation.permission.is_none_or(|permission| granted.has(permission)) {
                assert_ne!(answer.status, StatusCode::FORBIDDEN, "{at}");
                allowed += 1;
            } else {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{at}");
                assert_eq!(answer.body["type"], "resource_forbidden", "{at}");
                refused += 1;
            }
        }
    }
    assert!(refused > 2000 && allowed > 100, "{refused} refused, {allowed} allowed");
}

#[tokio::test]
async fn private_incident_is_there_for_the_key_that_opened_it_and_for_those_with_global_access() {
    let world = World::new().await;
    let roles = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<KeyRole>>();
    let editor = ["viewer", "incident_creator", "incident_editor", "on_call_viewer", "on_call_editor"];
    let opener = key_of(&world, roles(&editor)).await;
    let other = key_of(&world, roles(&editor)).await;
    let all = key_of(&world, roles(&[&editor[..], &["global_access"]].concat())).await;
    let body = json!({ "idempotency_key": "1", "visibility": "private", "name": "Secret" });
    let made = world.ask(&opener, Method::POST, "/v2/incidents", Some(&body)).await.with(200);
    let id = made["incident"]["id"].as_str().unwrap().to_owned();
    let update = json!({ "idempotency_key": "2", "incident_id": id, "message": "Still secret" });
    world.ask(&opener, Method::POST, "/v2/incident_updates", Some(&update)).await.with(201);
    let ada = world.person("ada").await;
    let page = json!({ "idempotency_key": "3", "title": "Secret", "user_ids": [ada], "incident_id": id });
    let page = world.ask(&opener, Method::POST, "/v2/escalations", Some(&page)).await.with(201);
    let page = format!("/v2/escalations/{}", page["escalation"]["id"].as_str().unwrap());

    let rename = json!({ "incident": { "name": "Other" }, "notify_incident_channel": false });
    let edit = format!("/v2/incidents/{id}/actions/edit");
    let page_more = json!({ "idempotency_key": "4", "title": "T", "user_ids": [ada], "incident_id": id });
    let update = json!({ "idempotency_key": "5", "incident_id": id, "message": "Heard of it" });
    let answer = json!({ "response": "ack" });
    let about = format!("/v2/incident_updates?incident_id={id}");
    let asked: Vec<(Method, String, Option<&serde_json::Value>, u16, u16)> = vec![
        (Method::GET, format!("/v2/incidents/{id}"), None, 200, 404),
        (Method::GET, "/v2/incidents/INC-1".to_owned(), None, 200, 404),
        (Method::POST, edit, Some(&rename), 200, 404),
        (Method::GET, about, None, 200, 422),
        (Method::POST, "/v2/incident_updates".to_owned(), Some(&update), 201, 422),
        (Method::POST, "/v2/escalations".to_owned(), Some(&page_more), 201, 422),
        (Method::GET, page.clone(), None, 200, 404),
        (Method::POST, format!("{page}/actions/respond"), Some(&answer), 200, 404),
    ];
    // The caller who does not see the incident comes first: no message names it, because none exists.
    for (key, sees) in [(&other, false), (&opener, true), (&all, true)] {
        for (method, path, body, seen, unseen) in &asked {
            let answer = world.ask(key, method.clone(), path, *body).await;

            let expected = if sees { *seen } else { *unseen };
            assert_eq!(answer.status.as_u16(), expected, "{method} {path} sees={sees}: {}", answer.body);
        }
        for (path, list) in [
            ("/v2/incidents", "incidents"),
            ("/v2/incident_updates", "incident_updates"),
            ("/v2/escalations", "escalations"),
        ] {
            let listed = world.ask(key, Method::GET, path, None).await.with(200);
            assert_eq!(listed[list].as_array().unwrap().is_empty(), !sees, "{path} sees={sees}");
        }
    }
}

#[tokio::test]
async fn every_verb_is_refused_to_every_role_of_a_person_that_does_not_have_its_permission() {
    for role in Role::ALL {
        let world = World::new().await;
        let user = world.member(*role).await;
        let by = Actor::person(world.org, &user);
        for verb in VERBS {
            let done = (verb.run)(&world, by.clone()).await;

            let at = format!("{} as {}: {done:?}", verb.name, role.name());
            let forbidden = matches!(done, Err(app::AppError::Forbidden(_)));
            assert_eq!(forbidden, *role < verb.needs.least(), "{at}");
        }
    }
}

#[tokio::test]
async fn link_in_a_page_may_answer_and_nothing_else() {
    let world = World::new().await;
    let user = world.member(Role::Owner).await;
    let by = Actor::paged(world.org, user.id);

    for verb in VERBS {
        let done = (verb.run)(&world, by.clone()).await;

        let forbidden = matches!(done, Err(app::AppError::Forbidden(_)));
        assert_eq!(forbidden, verb.needs != Permission::Respond, "{}: {done:?}", verb.name);
    }
}

/// The functions of a file that others call, each with its text up to the next one.
fn functions(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\npub async fn ").skip(1).filter_map(|rest| Some((rest.split(['(', '<']).next()?, rest)))
}

/// Every file of the verbs, as `concept::verb`, with its text.
fn files(folder: &Path, name: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let name = if name.is_empty() { stem } else { format!("{name}::{stem}") };
        if path.is_dir() {
            found.extend(files(&path, &name));
        } else {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

#[test]
fn no_verb_forgets_to_ask_who_it_is() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/src");
    let mut asked = 0;
    for (file, text) in files(&sources, "") {
        for (function, text) in functions(&text) {
            let name = format!("{file}::{function}");
            let signature = text.split(" {\n").next().unwrap();
            if SYSTEM.contains(&&*name) {
                assert!(!signature.contains("by: &Actor"), "{name} has an actor: it belongs in VERBS");
                continue;
            }
            assert!(
                signature.contains("by: &Actor"),
                "{name} takes no `by: &Actor`: take one and ask it, or, if no person and no program can ask for it, \
                 add it to SYSTEM in tests/api/verbs.rs"
            );
            let first = text.split_once(" {\n").unwrap().1.lines().next().unwrap();
            assert!(first.contains("by.may"), "{name} does not begin with asking its actor: `{first}`");
            assert!(VERBS.iter().any(|verb| verb.name == name), "{name} is missing in VERBS");
            asked += 1;
        }
    }
    assert_eq!(asked, VERBS.len(), "VERBS names what there is not");
}
