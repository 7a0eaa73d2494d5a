//! An alert that fires again with the same start time after it was resolved.

use domain::Actor;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

#[test]
fn alert_that_its_sender_took_for_over_and_that_fires_on_is_paged_again() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "fire");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(20).await;
        let escalation = ledger(&bundle).await.escalations[0].id;
        let (store, by) = (&bundle.calm.store, Actor::system(bundle.org, "story"));
        app::escalation::respond::acknowledge(store, &by, escalation, bundle.now()).await.unwrap();
        bundle.pass(600).await;

        // Alertmanager lost the alert for some minutes, and then reports the same alert again.
        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(200).await;
        bundle.deliver(&[alert]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle).len(), 2, "it goes on, and nobody was told");
        assert_eq!(ledger(&bundle).await.alerts.len(), 2);
    });
}

#[test]
fn firing_of_another_replica_just_after_the_end_is_no_new_episode() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "fire");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(300).await;

        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(30).await;
        bundle.deliver(&[alert]).await;
        bundle.pass(600).await;

        assert_eq!(ledger(&bundle).await.alerts.len(), 1);
    });
}
