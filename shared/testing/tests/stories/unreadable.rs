//! Unreadable configuration does not stop an escalation that is under way.

use aws_sdk_dynamodb::types::AttributeValue;
use testing::bundle::Bundle;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

/// The demonstration's time to acknowledge, in seconds.
const ACK: u64 = 300;

/// Puts an unreadable item into the table, and waits until every function has reloaded its rules.
async fn vandalise(bundle: &Bundle, pk: String, sk: String) {
    let text = |value: String| AttributeValue::S(value);
    embedded::dynamodb(bundle.embedded.backend())
        .put_item()
        .table_name(embedded::TABLE)
        .item("pk", text(pk))
        .item("sk", text(sk))
        .item("levels", text("nonsense".to_owned()))
        .send()
        .await
        .unwrap();
    let new = app::user::create::NewUser {
        name: "New".to_owned(),
        email: format!("new-{:x}@example.com", bundle.calm.random()),
        role: domain::user::Role::Viewer,
    };
    let (store, random) = (&bundle.calm.store, &bundle.calm.random);
    let by = domain::Actor::system(bundle.org, "story");
    app::user::create::create(store, &by, &new, random, bundle.now()).await.unwrap();
}

async fn user(bundle: &Bundle, email: &str) -> domain::id::UserId {
    bundle.calm.store.person(email).await.unwrap().unwrap().1
}

#[test]
fn level_whose_only_person_cannot_be_read_pages_the_fallback_contact_and_the_escalation_goes_on() {
    tell(|| async {
        let bundle = calm().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let grace = user(&bundle, "grace@example.com").await;
        vandalise(&bundle, format!("{}#CONFIG", bundle.org), format!("USER#{grace}")).await;

        bundle.pass(ACK).await;
        assert_eq!(paged(&bundle), ["ada@example.com", "owner@example.com"]);
        bundle.pass(ACK + 5).await;

        assert_eq!(paged(&bundle).len(), 3, "it never came to its end");
    });
}

#[test]
fn escalation_whose_path_cannot_be_read_any_more_ends_with_the_fallback_contact() {
    tell(|| async {
        let bundle = calm().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let (routes, _) = bundle.calm.store.routes(bundle.org).await.unwrap();
        vandalise(&bundle, format!("{}#PATH#{}", bundle.org, routes[0].paths[0]), "V#00001".to_owned()).await;

        bundle.pass(ACK + 5).await;

        assert_eq!(paged(&bundle), ["ada@example.com", "owner@example.com"]);
    });
}

#[test]
fn escalation_whose_alert_cannot_be_read_any_more_pages_its_next_level() {
    tell(|| async {
        let bundle = calm().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let alert = ledger(&bundle).await.alerts[0].id;
        vandalise(&bundle, format!("{}#ALERT#{alert}", bundle.org), "HEAD".to_owned()).await;

        bundle.pass(ACK + 5).await;

        assert_eq!(paged(&bundle), ["ada@example.com", "grace@example.com"]);
    });
}

#[test]
fn fallback_contact_who_cannot_be_read_is_stood_in_for_by_the_owner() {
    tell(|| async {
        let bundle = calm().await;
        let ada = user(&bundle, "ada@example.com").await;
        let grace = user(&bundle, "grace@example.com").await;
        vandalise(&bundle, format!("{}#CONFIG", bundle.org), format!("USER#{ada}")).await;
        vandalise(&bundle, format!("{}#CONFIG", bundle.org), format!("USER#{grace}")).await;

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;

        assert_eq!(paged(&bundle), ["owner@example.com"]);
        assert_eq!(ledger(&bundle).await.alerts[0].routing, domain::alert::Routing::Routed, "it was rescued");
    });
}
