//! The sweep: messages that were lost behind `alert-handle` are found.

use domain::job::lease::Leased;
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::sender::Alert;

use crate::stage::{calm, paged, tell, with};

#[test]
fn page_whose_message_was_lost_is_sent_by_the_sweep() {
    tell(|| async {
        let bundle = with(FaultPlan { lost: 1.0, ..FaultPlan::calm() }.losing(["notification-send"])).await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        assert!(paged(&bundle).is_empty(), "the message was not lost");

        bundle.faults.end();
        bundle.pass(65).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
    });
}

#[test]
fn page_whose_message_was_lost_is_sent_by_the_second_one_before_any_sweep() {
    tell(|| async {
        let bundle = with(FaultPlan { lost: 0.1, ..FaultPlan::calm() }.losing(["notification-send"])).await;
        // After the first sweep, and before the next.
        bundle.pass(5).await;
        for n in 0..20 {
            bundle.deliver(&[Alert::now(&bundle, &format!("fire {n}"))]).await;
        }
        bundle.pass(10).await;
        let lost = bundle.faults.lost();
        let lost = lost.iter().filter(|body| body.contains("\"due\":{\"page\"")).count();
        assert!(lost > 0, "no message was lost");
        assert_eq!(paged(&bundle).len(), 20 - lost);

        bundle.pass(20).await;

        assert_eq!(paged(&bundle).len(), 20);
    });
}

#[test]
fn level_whose_timer_was_lost_is_paged_by_the_sweep() {
    tell(|| async {
        let bundle = with(FaultPlan { lost: 1.0, ..FaultPlan::calm() }.losing(["escalation-tick"])).await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;

        bundle.faults.end();
        bundle.pass(365).await;

        assert_eq!(paged(&bundle), ["ada@example.com", "grace@example.com"]);
    });
}

#[test]
fn resolution_whose_news_was_lost_ends_the_escalation_all_the_same() {
    tell(|| async {
        let bundle = with(FaultPlan { lost: 1.0, ..FaultPlan::calm() }.losing(["escalation-tick"])).await;
        let alert = Alert::now(&bundle, "fire");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(10).await;
        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(10).await;

        bundle.faults.end();
        bundle.pass(700).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
    });
}

#[test]
fn provider_that_is_down_for_ten_minutes_pages_everybody_within_a_minute_of_its_return() {
    tell(|| async {
        let bundle = calm().await;
        bundle.inbox.provider(Provider { down: true, ..Provider::default() });
        for n in 0..20 {
            bundle.deliver(&[Alert::now(&bundle, &format!("fire {n}"))]).await;
        }
        bundle.pass(200).await;
        assert!(paged(&bundle).is_empty());

        bundle.inbox.provider(Provider::default());
        bundle.pass(60).await;

        assert_eq!(paged(&bundle).iter().filter(|to| *to == "ada@example.com").count(), 20);
    });
}

#[test]
fn page_whose_sender_was_killed_is_taken_over_once_its_lease_is_over() {
    tell(|| async {
        let bundle = calm().await;
        bundle.inbox.provider(Provider { down: true, ..Provider::default() });
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(1).await;
        // Claimed by a sender that never came back.
        let ledger = crate::stage::ledger(&bundle).await;
        let page = ledger.notifications[0].clone();
        bundle.pass(3).await;
        bundle.inbox.provider(Provider::default());
        let page =
            bundle.calm.store.notification(page.org, page.escalation, &page.id).await.unwrap().unwrap();
        let claimed = bundle.calm.store.claim(page.claim(bundle.now()).unwrap()).await.unwrap();
        assert_eq!(claimed, store::Claimed::Ours);

        bundle.pass(15).await;
        assert!(paged(&bundle).is_empty(), "somebody sent a page that another had claimed");
        bundle.pass(80).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
    });
}

#[test]
fn page_arrives_within_ten_seconds_where_nothing_goes_wrong() {
    tell(|| async {
        let bundle = calm().await;
        // Between two sweeps.
        bundle.pass(5).await;
        let sent = bundle.now();

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;

        let arrived = bundle.inbox.arrived();
        assert_eq!(arrived.len(), 1, "only the sweep would page");
        assert!(arrived[0].at.duration_since(sent).as_secs() < 10);
    });
}
