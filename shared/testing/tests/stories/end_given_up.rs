//! An alert whose resolution could not be handled: the next firing still pages.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Actor;
use domain::alert::AlertState;
use machine::Stateful;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::sender::Alert;

use crate::stage::{ledger, paged, tell, with};

/// A bundle with an acknowledged alert, whose database can fail.
async fn acknowledged(alert: impl Fn(&Bundle) -> Alert) -> (Bundle, Alert) {
    let bundle = with(FaultPlan { before: 1.0, ..FaultPlan::calm() }).await;
    bundle.faults.end();
    let alert = alert(&bundle);
    assert!(bundle.deliver(std::slice::from_ref(&alert)).await);
    bundle.pass(10).await;
    let (store, by) = (&bundle.calm.store, Actor::system(bundle.org, "story"));
    let escalation = ledger(&bundle).await.escalations[0].id;
    app::escalation::respond::acknowledge(store, &by, escalation, bundle.now()).await.unwrap();
    (bundle, alert)
}

/// Accepts the resolution of an alert, and then fails the database for longer than `alert-handle` tries.
async fn end_during_an_outage(bundle: &Bundle, alert: &Alert) {
    assert!(bundle.deliver(&[alert.over(bundle)]).await);
    bundle.faults.begin();
    bundle.pass(200).await;
    bundle.faults.end();
    bundle.pass(120).await;
}

#[test]
fn end_that_was_given_up_during_an_outage_still_ends_the_alert_and_the_next_firing_pages() {
    tell(|| async {
        let (bundle, alert) = acknowledged(|bundle| Alert::now(bundle, "fire")).await;

        end_during_an_outage(&bundle, &alert).await;
        assert_eq!(ledger(&bundle).await.alerts[0].head().state(), AlertState::Resolved);
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle).len(), 2, "a new episode was taken for the old one, and nobody was paged");
    });
}

#[test]
fn end_of_a_grouped_alert_that_was_given_up_takes_it_out_of_its_group() {
    tell(|| async {
        let bundle = with(FaultPlan { before: 1.0, ..FaultPlan::calm() }).await;
        bundle.group_by("team", 120).await.unwrap();
        bundle.faults.end();
        let alert = Alert::now(&bundle, "fire").of("storage");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(10).await;

        end_during_an_outage(&bundle, &alert).await;

        let found = ledger(&bundle).await;
        assert_eq!(found.escalations[0].head().state(), domain::escalation::EscalationState::Resolved);
        assert_eq!(paged(&bundle), ["ada@example.com"], "it went on although its only alert was over");
    });
}

#[test]
fn end_of_an_alert_that_cannot_be_read_closes_its_key_so_that_the_next_firing_pages() {
    tell(|| async {
        let (bundle, alert) = acknowledged(|bundle| Alert::now(bundle, "fire")).await;
        let id = ledger(&bundle).await.alerts[0].id;
        let text = |value: String| AttributeValue::S(value);
        embedded::dynamodb(bundle.embedded.backend())
            .put_item()
            .table_name(embedded::TABLE)
            .item("pk", text(format!("{}#ALERT#{id}", bundle.org)))
            .item("sk", text("HEAD".to_owned()))
            .item("state", text("nonsense".to_owned()))
            .send()
            .await
            .unwrap();

        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(300).await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle).len(), 2);
    });
}
