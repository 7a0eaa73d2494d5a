//! Who may come to which page: nobody, another organisation, and people by their roles.
//!
//! The routes are those that the router is made of, so a new one is tried without a line here. A form that takes fields
//! gets them in `FIELDS`, an address that takes another kind of thing in `of`.

use std::collections::{BTreeMap, BTreeSet};

use app::org::create::{NewOrg, create_beside};
use app::user::create::NewUser;
use domain::Actor;
use domain::id::OrgId;
use domain::user::Role;
use http::StatusCode;
use http_api::web::{Access, Route, routes, slack_routes, source_routes};
use serde_json::{Value, json};

use crate::support::{Scene, Seen, Session, alert};

/// What stands only in what the organisation has.
const MARKS: &[&str] =
    &["Sekret", "Ada Oncall", "Grace Backup", "Olive Owner", "Old Nagios", "Tests &amp; Co"];

/// What the forms take, all together.
const FIELDS: &[(&str, &str)] = &[
    ("name", "x"),
    ("was_name", "y"),
    ("summary", "x"),
    ("was_summary", "y"),
    ("message", "x"),
    ("key", "k"),
    ("email", "x@example.net"),
    ("role", "viewer"),
    ("may-viewer", "on"),
    ("channel", "email"),
    ("address", "x@example.net"),
    ("kind", "http"),
    ("switch", "off"),
];

/// Every route of every page.
fn all() -> impl Iterator<Item = &'static Route> {
    routes().chain(slack_routes()).chain(source_routes())
}

/// Something of everything that pages show.
async fn settled() -> Scene {
    let scene = Scene::new().await;
    scene.fire(alert("Sekret")).await;
    scene
}

/// Every item of the table in which this organisation is not named, by its key.
fn without(scene: &Scene, org: OrgId) -> BTreeMap<String, Value> {
    let other = org.to_string();
    let items = items(scene).into_iter().filter(|item| !item.to_string().contains(&other));
    items.map(|item| (format!("{} {}", item["pk"], item["sk"]), item)).collect()
}

/// Every item of the table.
fn items(scene: &Scene) -> Vec<Value> {
    let scan = json!({ "TableName": embedded::TABLE }).to_string();
    let answer = scene.embedded.dynamo().answer("Scan", scan.as_bytes());
    let found: Value = serde_json::from_slice(&answer.body).unwrap();
    found["Items"].as_array().unwrap().clone()
}

/// Everything in the table that looks like an id, and the number of the incident.
fn ids(items: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let text = Value::from_iter(items.iter().map(|(key, item)| json!([key, item]))).to_string();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_id = |word: &&str| {
        word.len() == 26 && word.starts_with('0') && !word.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    words.filter(is_id).map(str::to_owned).chain(["1".to_owned(), "INC-1".to_owned()]).collect()
}

/// Asks for a page, or sends its form with these fields.
async fn ask(scene: &Scene, session: &Session, method: &str, path: &str, fields: &[(&str, &str)]) -> Seen {
    match method {
        "POST" => scene.fill(session, path, fields).await,
        _ => scene.browse(&session.cookie, path).await,
    }
}

/// An address with something in its place.
fn at(route: &Route, id: &str) -> String {
    let (before, rest) = route.path.split_once('{').unwrap();
    format!("{before}{id}{}", rest.split_once('}').unwrap().1)
}

/// What an address of ours takes.
async fn of(scene: &Scene, route: &Route) -> String {
    let store = &scene.ctx.store;
    let id = match route.path.split('/').nth(1).unwrap() {
        _ if !route.path.contains('{') => return route.path.to_owned(),
        "alerts" => store.list_alerts(scene.org, None, 1).await.unwrap().remove(0).id,
        "escalations" => store.list_escalations(scene.org, None, 1).await.unwrap().remove(0).id,
        "incidents" => "1".to_owned(),
        "alert-sources" => store.sources_after(scene.org, None, 1).await.unwrap().remove(0).id.to_string(),
        "api-keys" => store.api_keys_after(scene.org, None, 1).await.unwrap().remove(0).id.to_string(),
        "people" => scene.grace.id.to_string(),
        part => panic!("no example of {part:?}: give it one in `of` in tests/web/strangers.rs"),
    };
    at(route, &id)
}

/// Somebody of another organisation, who owns it.
async fn stranger(scene: &Scene) -> (OrgId, Session) {
    let (ctx, now) = (&scene.ctx, scene.ctx.now());
    let new = NewOrg {
        name: "Others".to_owned(),
        owner_name: "Eve".to_owned(),
        owner_email: "eve@example.net".to_owned(),
        api_key: None,
    };
    let (org, _) = create_beside(&ctx.store, &ctx.seal, &new, &ctx.random, now).await.unwrap();
    (org.id, scene.enter(org.id, org.owner).await)
}

#[tokio::test]
async fn whatever_is_asked_of_another_organisations_ids_is_404_and_writes_nothing() {
    let scene = settled().await;
    let (other, session) = stranger(&scene).await;
    let before = without(&scene, other);
    let ids = ids(&before);
    let mut asked = 0;

    for route in all().filter(|route| route.path.contains('{')) {
        for id in &ids {
            let path = at(route, id);
            let seen = ask(&scene, &session, route.method, &path, FIELDS).await;
            let refused = match route.access {
                Access::Anybody => seen.status.is_client_error(),
                Access::SignedIn | Access::Needs(_) => seen.status == StatusCode::NOT_FOUND,
            };
            assert!(refused, "{} {path}: {} {}", route.method, seen.status, seen.text);
            assert!(!MARKS.iter().any(|mark| seen.text.contains(mark)), "{path}: {}", seen.text);
            asked += 1;
        }
    }

    assert!(ids.len() > 15 && asked > 150, "{} ids, {asked} requests", ids.len());
    assert_eq!(without(&scene, other), before);
}

#[tokio::test]
async fn whatever_takes_an_id_in_its_form_or_its_query_tells_nothing_of_another_organisations() {
    let scene = settled().await;
    let (other, session) = stranger(&scene).await;
    let before = without(&scene, other);

    for route in all().filter(|route| !route.path.contains('{') && route.path != "/sign-out") {
        for id in &ids(&before) {
            let (user, path) = (format!("user-{id}"), format!("path-{id}"));
            let asks: Vec<(String, Vec<(&str, &str)>)> = match route.method {
                "GET" => {
                    let names = ["after", "severity", "source", "answered", "state", "show"];
                    let terms = names.map(|name| format!("{name}={id}")).join("&");
                    vec![(format!("{}?{terms}", route.path), Vec::new())]
                }
                _ => [&user, &path]
                    .map(|page| {
                        let key = ("key", &**id);
                        let fields = [("name", "x"), ("lead", id), ("severity", ""), ("page", page), key];
                        (route.path.to_owned(), fields.to_vec())
                    })
                    .into_iter()
                    .chain([(route.path.to_owned(), vec![("name", "x"), ("page", &*user), ("key", id)])])
                    .collect(),
            };
            for (path, fields) in asks {
                let seen = ask(&scene, &session, route.method, &path, &fields).await;
                let told = MARKS.iter().find(|mark| seen.text.contains(**mark));
                assert_eq!(told, None, "{} {path} {fields:?}: {}", route.method, seen.text);
            }
        }
    }

    assert_eq!(without(&scene, other), before);
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_asked_to_sign_in() {
    let scene = settled().await;
    let nobody = Session { cookie: String::new(), token: String::new() };
    let before = items(&scene);

    for route in all().filter(|route| route.access != Access::Anybody) {
        let path = of(&scene, route).await;
        let seen = ask(&scene, &nobody, route.method, &path, FIELDS).await;
        assert_eq!(seen.status, StatusCode::UNAUTHORIZED, "{} {path}", route.method);
        assert!(!MARKS.iter().any(|mark| seen.text.contains(mark)), "{path}: {}", seen.text);
    }

    assert_eq!(items(&scene), before);
}

#[tokio::test]
async fn role_opens_what_the_table_says_and_for_the_rest_it_is_told_what_is_missing() {
    let (mut refused, mut taken) = (0, 0);
    for role in Role::ALL {
        let scene = settled().await;
        let (ctx, by) = (&scene.ctx, Actor::system(scene.org, "test"));
        let new = NewUser { name: "Who".to_owned(), email: "who@example.net".to_owned(), role: *role };
        let who = app::user::create::create(&ctx.store, &by, &new, &ctx.random, ctx.now()).await.unwrap();
        let session = scene.enter(scene.org, who.id).await;

        for route in all().filter(|route| route.path != "/sign-out") {
            let (path, before) = (of_any(&scene, route).await, items(&scene));
            let seen = ask(&scene, &session, route.method, &path, FIELDS).await;
            let lacks = match route.access {
                Access::Needs(what) => Some(what).filter(|what| *role < what.least()),
                Access::Anybody => continue,
                Access::SignedIn => None,
            };
            let Some(what) = lacks else {
                assert_ne!(seen.status, StatusCode::FORBIDDEN, "{role:?} {} {path}", route.method);
                taken += 1;
                continue;
            };
            assert_eq!(seen.status, StatusCode::FORBIDDEN, "{role:?} {} {path}", route.method);
            assert!(seen.text.contains(what.what()), "{path}: {}", seen.text);
            assert_eq!(items(&scene), before, "{role:?} {} {path}", route.method);
            refused += 1;
        }
    }
    assert!(refused > 10 && taken > 30, "{refused} refused, {taken} taken");
}

/// What an address takes; nothing in particular where it asks for a token.
async fn of_any(scene: &Scene, route: &Route) -> String {
    match route.access {
        Access::Anybody => route.path.to_owned(),
        Access::SignedIn | Access::Needs(_) => of(scene, route).await,
    }
}

#[test]
fn every_route_stands_once_and_reads_or_takes_a_form() {
    let mut seen = BTreeSet::new();
    for route in all() {
        assert!(seen.insert((route.method, route.path)), "{} {} stands twice", route.method, route.path);
        assert!(["GET", "POST"].contains(&route.method), "{} {}", route.method, route.path);
    }
}
