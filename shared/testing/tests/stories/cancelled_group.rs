//! A cancelled or expired escalation of a group does not begin again when an alert of the group ends.

use domain::Actor;
use testing::bundle::Bundle;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

/// A group of five firing alerts.
async fn storm() -> (Bundle, Vec<Alert>) {
    let bundle = calm().await;
    bundle.group_by("team", 120).await.unwrap();
    let storm: Vec<Alert> = (0..5).map(|n| Alert::now(&bundle, &format!("fire {n}")).of("storage")).collect();
    assert!(bundle.deliver(&storm).await);
    bundle.pass(30).await;
    (bundle, storm)
}

/// Resolves a storm alert by alert. Returns how many notifications have arrived by then.
async fn end(bundle: &Bundle, storm: &[Alert]) -> usize {
    for alert in storm {
        bundle.deliver(&[alert.over(bundle)]).await;
        bundle.pass(30).await;
    }
    paged(bundle).len()
}

#[test]
fn storm_that_somebody_called_off_pages_nobody_again_as_its_alerts_end_one_by_one() {
    tell(|| async {
        let (bundle, storm) = storm().await;
        let escalation = ledger(&bundle).await.escalations[0].id;
        let (store, by) = (&bundle.calm.store, Actor::system(bundle.org, "story"));
        app::escalation::respond::cancel(store, &by, escalation, bundle.now()).await.unwrap();

        let arrived = end(&bundle, &storm).await;

        assert_eq!(arrived, 1);
        assert_eq!(ledger(&bundle).await.escalations.len(), 1);
    });
}

#[test]
fn storm_that_nobody_answered_pages_nobody_again_as_its_alerts_end_one_by_one() {
    tell(|| async {
        let (bundle, storm) = storm().await;
        bundle.pass(900).await;
        assert_eq!(paged(&bundle).len(), 3, "both levels and the fallback contact");

        assert_eq!(end(&bundle, &storm).await, 3);
    });
}
