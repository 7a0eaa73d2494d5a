//! The API's own description and the template's routes tell of the same paths.

use std::collections::BTreeSet;

use testing::template::{Template, Trigger};

/// A path of a route or of the description, with what stands for an id written alike.
fn parts(path: &str) -> Vec<&str> {
    path.split('/').collect()
}

/// Says whether a route of the template brings requests of a described path.
fn brings(route: &str, described: &str) -> bool {
    let (route, described) = (parts(route), parts(described));
    let rest = route.last() == Some(&"{proxy+}");
    let fixed = route.len() - usize::from(rest);
    let same = |(route, described): (&&str, &&str)| described.starts_with('{') || route == described;
    let enough = if rest { described.len() > fixed } else { described.len() == fixed };
    enough && route.iter().take(fixed).zip(&described).all(same)
}

/// The routes of the functions that programs call, each with its function.
fn routes() -> Vec<(String, String)> {
    let functions = Template::load().unwrap().functions().unwrap();
    let api = functions
        .into_iter()
        .filter(|function| function.name.starts_with("api-") || function.name.starts_with("alert-source-"));
    api.flat_map(|function| match function.trigger {
        Trigger::Http(routes) => routes.into_iter().map(|route| (function.name.clone(), route)).collect(),
        Trigger::Queue(_) | Trigger::Stream | Trigger::Schedule(_) | Trigger::Deployment => Vec::new(),
    })
    .collect()
}

#[test]
fn every_route_of_the_template_is_described_and_every_described_path_has_its_route() {
    let document = http_api::openapi::document();
    let described: BTreeSet<&String> = document["paths"].as_object().unwrap().keys().collect();
    let routes = routes();
    let paths: Vec<(&str, &str)> =
        routes.iter().filter_map(|(function, key)| Some((&**function, key.split_once(' ')?.1))).collect();

    for (function, route) in &paths {
        assert!(
            described.iter().any(|path| brings(route, path)),
            "`{route}` of `{function}` brings nothing that is described: add a RESOURCE to shared/http/src/openapi.rs"
        );
    }
    for path in &described {
        assert!(
            paths.iter().any(|(_, route)| brings(route, path)),
            "no route in template.yaml brings `{path}`: add one to the function that serves it"
        );
    }
}

#[test]
fn routes_bring_what_they_say() {
    for (route, described, expected) in [
        ("/v2/users", "/v2/users", true),
        ("/v2/users", "/v2/users/{id}", false),
        ("/v2/users/{proxy+}", "/v2/users", false),
        ("/v2/users/{proxy+}", "/v2/users/{id}/notification_rules", true),
        ("/v2/alert_events/http/{id}", "/v2/alert_events/{kind}/{id}", true),
        ("/v2/alerts/{proxy+}", "/v2/users/{id}", false),
    ] {
        assert_eq!(brings(route, described), expected, "{route} {described}");
    }
}
