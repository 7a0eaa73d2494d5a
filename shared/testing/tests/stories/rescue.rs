//! Events that cannot be handled: the fallback contact is paged.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Actor;
use domain::alert::Routing;
use domain::id::RouteId;
use domain::message::Queue;
use embedded::NewMessage;
use testing::bundle::Bundle;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

/// Puts an item into the table that no version can read.
async fn vandalise(bundle: &Bundle, pk: String, sk: String) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    embedded::dynamodb(bundle.embedded.backend())
        .put_item()
        .table_name(embedded::TABLE)
        .item("pk", text(&pk))
        .item("sk", text(&sk))
        .item("levels", text("nonsense"))
        .send()
        .await
        .unwrap();
}

#[test]
fn route_that_cannot_be_read_pages_the_fallback_contact_and_is_noted() {
    tell(|| async {
        let bundle = calm().await;
        let (routes, _) = bundle.calm.store.routes(bundle.org).await.unwrap();
        let id: RouteId = routes[0].id;
        vandalise(&bundle, format!("{}#CONFIG", bundle.org), format!("ROUTE#{id}")).await;

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle), ["owner@example.com"]);
        let alert = ledger(&bundle).await.alerts.remove(0);
        assert_eq!(alert.routing, Routing::Fallback);
        let body = bundle.calm.store.alert_body(bundle.org, alert.id).await.unwrap().unwrap();
        assert!(body.problems[0] == "alert routes that could not be read: 1", "{:?}", body.problems);
    });
}

#[test]
fn path_that_is_gone_pages_the_fallback_contact() {
    tell(|| async {
        let bundle = calm().await;
        let (routes, _) = bundle.calm.store.routes(bundle.org).await.unwrap();
        let by = Actor::system(bundle.org, "story");
        app::escalation_path::save::delete(
            &bundle.calm.store,
            &by,
            routes[0].paths[0],
            &bundle.calm.random,
            bundle.now(),
        )
        .await
        .unwrap();

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle), ["owner@example.com"]);
    });
}

#[test]
fn source_without_any_route_pages_the_fallback_contact() {
    tell(|| async {
        let bundle = calm().await;
        let (routes, _) = bundle.calm.store.routes(bundle.org).await.unwrap();
        let by = Actor::system(bundle.org, "story");
        app::alert_route::save::delete(
            &bundle.calm.store,
            &by,
            routes[0].id,
            &bundle.calm.random,
            bundle.now(),
        )
        .await
        .unwrap();

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle), ["owner@example.com"]);
        assert_eq!(ledger(&bundle).await.alerts[0].routing, Routing::Fallback);
    });
}

#[test]
fn event_that_cannot_be_handled_again_and_again_is_rescued_and_pages() {
    tell(|| async {
        let bundle = calm().await;
        // The counter of incidents is broken, so opening an incident always fails. A bare alert opens none.
        let text = |value: String| AttributeValue::S(value);
        embedded::dynamodb(bundle.embedded.backend())
            .put_item()
            .table_name(embedded::TABLE)
            .item("pk", text(format!("{}#COUNTER", bundle.org)))
            .item("sk", text("incident".to_owned()))
            .item("n", text("nonsense".to_owned()))
            .send()
            .await
            .unwrap();

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(300).await;

        assert_eq!(paged(&bundle), ["owner@example.com"]);
        let ledger = ledger(&bundle).await;
        assert_eq!(ledger.alerts.len(), 1);
        assert_eq!(ledger.alerts[0].routing, Routing::Fallback);
    });
}

#[test]
fn message_of_a_newer_version_does_not_take_its_batch_along() {
    tell(|| async {
        let bundle = calm().await;
        let queues = bundle.embedded.queues();
        let poison = NewMessage { body: "{\"schema\":99}".to_owned(), ..NewMessage::default() };
        queues.send(Queue::AlertHandle.name(), poison).unwrap();

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
    });
}
