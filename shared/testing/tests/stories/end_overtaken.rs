//! A resolution that arrives after the next firing.

use domain::Actor;
use domain::escalation::EscalationState;
use machine::Stateful;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::sender::Alert;

use crate::stage::{ledger, paged, tell, with};

/// Pages an alert, responds to its escalation, and lets the next firing overtake the alert's resolution.
async fn overtaken(group: bool, answer: impl AsyncFn(&Bundle)) -> Bundle {
    let bundle = with(FaultPlan { delayed: 1.0, delay_s: 60, ..FaultPlan::calm() }).await;
    if group {
        bundle.group_by("team", 600).await.unwrap();
    }
    bundle.faults.end();
    let alert = Alert::now(&bundle, "fire").of("storage");
    bundle.deliver(std::slice::from_ref(&alert)).await;
    bundle.pass(20).await;
    answer(&bundle).await;

    bundle.faults.begin();
    bundle.deliver(&[alert.over(&bundle)]).await;
    bundle.faults.end();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    bundle.deliver(&[Alert::now(&bundle, "fire").of("storage")]).await;
    bundle.pass(120).await;

    assert_eq!(ledger(&bundle).await.alerts.len(), 1, "the end was not late");
    bundle
}

async fn acknowledge(bundle: &Bundle) {
    let escalation = ledger(bundle).await.escalations[0].id;
    let by = Actor::system(bundle.org, "story");
    let (store, now) = (&bundle.calm.store, bundle.now());
    app::escalation::respond::acknowledge(store, &by, escalation, now).await.unwrap();
}

#[test]
fn firing_that_overtook_the_end_of_an_acknowledged_alert_is_paged() {
    tell(|| async {
        let bundle = overtaken(false, acknowledge).await;

        assert_eq!(paged(&bundle), ["ada@example.com", "ada@example.com"]);
        assert_eq!(ledger(&bundle).await.escalations[0].head().state(), EscalationState::Triggered);
    });
}

#[test]
fn firing_that_overtook_the_end_of_an_alert_that_was_called_off_is_paged() {
    tell(|| async {
        let bundle = overtaken(false, async |bundle| {
            let escalation = ledger(bundle).await.escalations[0].id;
            let by = Actor::system(bundle.org, "story");
            let (store, now) = (&bundle.calm.store, bundle.now());
            app::escalation::respond::cancel(store, &by, escalation, now).await.unwrap();
        })
        .await;

        assert_eq!(paged(&bundle), ["ada@example.com", "ada@example.com"]);
    });
}

#[test]
fn firing_that_overtook_an_end_while_somebody_is_still_being_paged_pages_nobody_twice() {
    tell(|| async {
        let bundle = overtaken(false, async |_| {}).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
    });
}

#[test]
fn firing_that_overtook_an_end_in_a_group_that_somebody_is_on_pages_nobody() {
    tell(|| async {
        let bundle = overtaken(true, acknowledge).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
    });
}
