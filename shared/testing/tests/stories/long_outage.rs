//! A provider that is down for a long time.

use embedded::{UnitKind, UnitTarget};
use testing::inbox::Provider;
use testing::sender::Alert;

use crate::stage::{calm, ledger, tell};

#[test]
fn story_of_an_escalation_costs_the_same_however_often_its_page_was_tried() {
    tell(|| async {
        let bundle = calm().await;
        bundle.inbox.provider(Provider { down: true, ..Provider::default() });
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(1200).await;
        let escalation = ledger(&bundle).await.escalations[0].id;

        let before = bundle.counts.snapshot();
        let story =
            bundle.context.store.escalation_with_story(bundle.org, escalation).await.unwrap().unwrap();
        let cost = bundle.counts.snapshot().since(&before);

        assert!(
            story.notifications[0].attempts.attempt > 25,
            "{} attempts",
            story.notifications[0].attempts.attempt
        );
        let read = cost.total(UnitKind::Read, UnitTarget::Table);
        assert!(read <= 5.0, "{read} units to read one escalation");
        assert_eq!(story.history.len(), 3, "opened, level 2, expired");
    });
}
