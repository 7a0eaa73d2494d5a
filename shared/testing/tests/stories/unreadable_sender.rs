//! A sender whose authenticated deliveries cannot be parsed.

use domain::Actor;

use crate::stage::{calm, ledger, paged, tell};

#[test]
fn sender_that_cannot_be_read_for_an_hour_is_told_of_again_although_somebody_acknowledged_the_first() {
    tell(|| async {
        let bundle = calm().await;
        let unreadable = r#"{"version":"4","alerts":[17]}"#;
        let (status, _) = bundle.deliver_raw(unreadable).await;
        bundle.pass(10).await;
        assert_eq!((status, paged(&bundle).len()), (202, 1));
        let escalation = ledger(&bundle).await.escalations[0].id;
        let (store, by) = (&bundle.calm.store, Actor::system(bundle.org, "story"));
        app::escalation::respond::acknowledge(store, &by, escalation, bundle.now()).await.unwrap();

        bundle.deliver_raw(unreadable).await;
        bundle.pass(10).await;
        assert_eq!(paged(&bundle).len(), 1, "what goes on is one alert");
        bundle.pass(3600).await;
        bundle.deliver_raw(unreadable).await;
        bundle.pass(10).await;

        assert_eq!(paged(&bundle).len(), 2, "an accepted delivery was lost in silence");
    });
}
