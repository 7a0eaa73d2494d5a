//! Access to every page: for signed-out people, members of another organisation, and each role.
//!
//! The tests request every route of the routers, so a new route is tested without a change here. If its form has other
//! fields, add them to `FIELDS`. If its path takes another kind of id, add an example to `path_of`.

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

/// Texts that only appear in the data of the organisation.
const MARKS: &[&str] =
    &["Sekret", "Ada Oncall", "Grace Backup", "Olive Owner", "Old Nagios", "Tests &amp; Co"];

/// The fields of all forms.
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

/// All routes of all pages.
fn all() -> impl Iterator<Item = &'static Route> {
    routes().chain(slack_routes()).chain(source_routes())
}

/// An organisation with data for every page.
async fn scene_with_data() -> Scene {
    let scene = Scene::new().await;
    scene.fire(alert("Sekret")).await;
    scene
}

/// The items of the table that do not name this organisation, by their keys.
fn without(scene: &Scene, org: OrgId) -> BTreeMap<String, Value> {
    let other = org.to_string();
    let items = items(scene).into_iter().filter(|item| !item.to_string().contains(&other));
    items.map(|item| (format!("{} {}", item["pk"], item["sk"]), item)).collect()
}

/// All items of the table.
fn items(scene: &Scene) -> Vec<Value> {
    let scan = json!({ "TableName": embedded::TABLE }).to_string();
    let answer = scene.embedded.dynamo().answer("Scan", scan.as_bytes());
    let found: Value = serde_json::from_slice(&answer.body).unwrap();
    found["Items"].as_array().unwrap().clone()
}

/// All ids in some items, and the number of the incident.
fn ids(items: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let text = Value::from_iter(items.iter().map(|(key, item)| json!([key, item]))).to_string();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_id = |word: &&str| {
        word.len() == 26 && word.starts_with('0') && !word.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    words.filter(is_id).map(str::to_owned).chain(["1".to_owned(), "INC-1".to_owned()]).collect()
}

/// Requests a page, or sends its form with these fields.
async fn request(
    scene: &Scene,
    session: &Session,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Seen {
    match method {
        "POST" => scene.fill(session, path, fields).await,
        _ => scene.browse(&session.cookie, path).await,
    }
}

/// The path of a route with an id.
fn at(route: &Route, id: &str) -> String {
    let (before, rest) = route.path.split_once('{').unwrap();
    format!("{before}{id}{}", rest.split_once('}').unwrap().1)
}

/// The path of a route with an id of the organisation.
async fn path_of(scene: &Scene, route: &Route) -> String {
    let store = &scene.ctx.store;
    let id = match route.path.split('/').nth(1).unwrap() {
        _ if !route.path.contains('{') => return route.path.to_owned(),
        "alerts" => store.list_alerts(scene.org, None, 1).await.unwrap().remove(0).id,
        "escalations" => store.list_escalations(scene.org, None, 1).await.unwrap().remove(0).id,
        "incidents" => "1".to_owned(),
        "alert-sources" => store.sources_after(scene.org, None, 1).await.unwrap().remove(0).id.to_string(),
        "api-keys" => store.api_keys_after(scene.org, None, 1).await.unwrap().remove(0).id.to_string(),
        "people" => scene.grace.id.to_string(),
        part => panic!("no example of {part:?}: add one to `path_of` in tests/web/access.rs"),
    };
    at(route, &id)
}

/// The owner of another organisation.
async fn outsider(scene: &Scene) -> (OrgId, Session) {
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
async fn every_id_of_another_organisation_answers_404_and_writes_nothing() {
    let scene = scene_with_data().await;
    let (other, session) = outsider(&scene).await;
    let before = without(&scene, other);
    let ids = ids(&before);
    let mut asked = 0;

    for route in all().filter(|route| route.path.contains('{')) {
        for id in &ids {
            let path = at(route, id);
            let seen = request(&scene, &session, route.method, &path, FIELDS).await;
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
async fn ids_of_another_organisation_in_forms_and_queries_reveal_nothing() {
    let scene = scene_with_data().await;
    let (other, session) = outsider(&scene).await;
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
                let seen = request(&scene, &session, route.method, &path, &fields).await;
                let revealed = MARKS.iter().find(|mark| seen.text.contains(**mark));
                assert_eq!(revealed, None, "{} {path} {fields:?}: {}", route.method, seen.text);
            }
        }
    }

    assert_eq!(without(&scene, other), before);
}

#[tokio::test]
async fn signed_out_people_are_asked_to_sign_in() {
    let scene = scene_with_data().await;
    let nobody = Session { cookie: String::new(), token: String::new() };
    let before = items(&scene);

    for route in all().filter(|route| route.access != Access::Anybody) {
        let path = path_of(&scene, route).await;
        let seen = request(&scene, &nobody, route.method, &path, FIELDS).await;
        assert_eq!(seen.status, StatusCode::UNAUTHORIZED, "{} {path}", route.method);
        assert!(!MARKS.iter().any(|mark| seen.text.contains(mark)), "{path}: {}", seen.text);
    }

    assert_eq!(items(&scene), before);
}

#[tokio::test]
async fn each_role_opens_its_routes_and_others_name_the_missing_permission() {
    let (mut refused, mut taken) = (0, 0);
    for role in Role::ALL {
        let scene = scene_with_data().await;
        let (ctx, by) = (&scene.ctx, Actor::system(scene.org, "test"));
        let new = NewUser { name: "Who".to_owned(), email: "who@example.net".to_owned(), role: *role };
        let who = app::user::create::create(&ctx.store, &by, &new, &ctx.random, ctx.now()).await.unwrap();
        let session = scene.enter(scene.org, who.id).await;

        for route in all().filter(|route| route.path != "/sign-out") {
            let (path, before) = (path_of_any(&scene, route).await, items(&scene));
            let seen = request(&scene, &session, route.method, &path, FIELDS).await;
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

/// The path of a route with an id of the organisation. Routes with a token keep their placeholder.
async fn path_of_any(scene: &Scene, route: &Route) -> String {
    match route.access {
        Access::Anybody => route.path.to_owned(),
        Access::SignedIn | Access::Needs(_) => path_of(scene, route).await,
    }
}

#[test]
fn every_route_is_unique_and_uses_get_or_post() {
    let mut seen = BTreeSet::new();
    for route in all() {
        assert!(seen.insert((route.method, route.path)), "{} {} is there twice", route.method, route.path);
        assert!(["GET", "POST"].contains(&route.method), "{} {}", route.method, route.path);
    }
}
