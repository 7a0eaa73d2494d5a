//! Levels with many people and alerts with many paths: each person is paged once.

use std::collections::BTreeSet;

use domain::Actor;
use domain::alert_route::Route;
use domain::escalation_path::{AckMode, Level, Target};
use domain::id::{PathId, UserId};
use domain::text::Document;
use domain::user::{MethodType, Role, RuleTarget, Urgency};
use testing::bundle::Bundle;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

/// Adds people whose rules send email at once, a minute later and so on.
async fn people(bundle: &Bundle, prefix: &str, count: usize, rules: u32) -> Vec<UserId> {
    let (store, random) = (&bundle.calm.store, &bundle.calm.random);
    let by = Actor::system(bundle.org, "story");
    let mut ids = Vec::new();
    for n in 0..count {
        let new = app::user::create::NewUser {
            name: format!("{prefix} {n}"),
            email: format!("{prefix}-{n}@example.com"),
            role: Role::Responder,
        };
        let user = app::user::create::create(store, &by, &new, random, bundle.now()).await.unwrap();
        let rules: Vec<_> = (0..rules)
            .map(|minute| app::user::methods::NewRule {
                id: None,
                urgency: Urgency::High,
                delay_seconds: minute * 60,
                method_type: MethodType::Email,
                target: RuleTarget::All,
            })
            .collect();
        app::user::methods::set_rules(store, &by, user.id, &rules, random, bundle.now()).await.unwrap();
        ids.push(user.id);
    }
    ids
}

/// Adds a path of one level.
async fn path(bundle: &Bundle, users: &[UserId]) -> PathId {
    let targets = users.iter().map(|&user| Target { user, urgency: Urgency::High }).collect();
    let level = Level { targets, ack_seconds: 3600, ack_mode: AckMode::First };
    let new = app::escalation_path::save::NewPath {
        name: "Everybody".to_owned(),
        levels: vec![level],
        document: Document::default(),
    };
    let id = PathId::new(bundle.now(), bundle.calm.random());
    let (by, calm) = (Actor::system(bundle.org, "story"), &bundle.calm);
    app::escalation_path::save::create(&calm.store, &by, id, new, &calm.random, bundle.now())
        .await
        .unwrap()
        .id
}

/// Sets the escalation paths of the stories' route.
async fn route_to(bundle: &Bundle, paths: Vec<PathId>) {
    let (mut routes, _) = bundle.calm.store.routes(bundle.org).await.unwrap();
    let route = Route { paths, ..routes.remove(0) };
    let (by, calm) = (Actor::system(bundle.org, "story"), &bundle.calm);
    app::alert_route::save::update(&calm.store, &by, route, None, &calm.random, bundle.now()).await.unwrap();
}

#[test]
fn level_of_twenty_people_with_several_rules_pages_every_one_of_them_by_all_of_their_rules() {
    tell(|| async {
        let bundle = calm().await;
        let everybody = people(&bundle, "person", 20, 4).await;
        let path = path(&bundle, &everybody).await;
        route_to(&bundle, vec![path]).await;

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(20).await;
        assert_eq!(paged(&bundle).into_iter().collect::<BTreeSet<_>>().len(), 20, "somebody was left out");
        bundle.pass(600).await;

        assert_eq!(paged(&bundle).len(), 80);
    });
}

#[test]
fn level_with_more_pages_than_a_transaction_holds_leaves_out_later_rules_and_no_person() {
    tell(|| async {
        let bundle = calm().await;
        let everybody = people(&bundle, "person", 20, 20).await;
        let path = path(&bundle, &everybody).await;
        route_to(&bundle, vec![path]).await;

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle).into_iter().collect::<BTreeSet<_>>().len(), 20, "somebody was left out");
    });
}

#[test]
fn person_who_is_named_twice_at_a_level_is_paged_once() {
    tell(|| async {
        let bundle = calm().await;
        let one = people(&bundle, "person", 1, 1).await[0];
        let path = path(&bundle, &[one, one]).await;
        route_to(&bundle, vec![path]).await;

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(60).await;

        assert_eq!(paged(&bundle), ["person-0@example.com"]);
    });
}

#[test]
fn alert_whose_paths_are_more_than_a_transaction_holds_pages_along_each_of_them() {
    tell(|| async {
        let bundle = calm().await;
        let everybody = people(&bundle, "person", 20, 1).await;
        let mut paths = Vec::new();
        for _ in 0..20 {
            paths.push(path(&bundle, &everybody).await);
        }
        route_to(&bundle, paths).await;

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(60).await;

        let found = ledger(&bundle).await;
        assert_eq!(found.escalations.len(), 20, "it was rescued: {:?}", found.alerts);
        assert_eq!(paged(&bundle).len(), 400);
    });
}

#[test]
fn alert_with_more_paths_than_can_be_begun_pages_the_fallback_contact_beside_them() {
    tell(|| async {
        let bundle = calm().await;
        let one = people(&bundle, "person", 1, 1).await;
        let (mut routes, _) = bundle.calm.store.routes(bundle.org).await.unwrap();
        let route = routes.remove(0);
        for n in 0..9 {
            let mut paths = Vec::new();
            for _ in 0..20 {
                paths.push(path(&bundle, &one).await);
            }
            let id = domain::id::RouteId::new(bundle.now(), n);
            let another = Route { id, paths, ..route.clone() };
            let (by, calm) = (Actor::system(bundle.org, "story"), &bundle.calm);
            app::alert_route::save::create(&calm.store, &by, another, &calm.random, bundle.now())
                .await
                .unwrap();
        }

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(60).await;

        let found = ledger(&bundle).await;
        let paged = paged(&bundle);
        assert!(paged.iter().any(|to| to == "owner@example.com"), "nobody was told that paths were left out");
        assert!(paged.len() > 50, "it was rescued: {} pages", paged.len());
        let body = bundle.calm.store.alert_body(bundle.org, found.alerts[0].id).await.unwrap().unwrap();
        assert!(
            body.problems
                .iter()
                .any(|problem| problem == "the routes start 181 escalations: only 80 were started"),
            "{:?}",
            body.problems
        );
    });
}
