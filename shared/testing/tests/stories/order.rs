//! Events that arrive late, repeated and out of order.

use domain::Timestamp;
use machine::{State, Stateful};
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

#[test]
fn repeated_firing_is_counted_and_pages_nobody_again() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "fire");

        for _ in 0..5 {
            assert!(bundle.deliver(std::slice::from_ref(&alert)).await);
            bundle.pass(20).await;
        }

        assert_eq!(paged(&bundle).len(), 1);
        let ledger = ledger(&bundle).await;
        assert_eq!((ledger.alerts.len(), ledger.keys[0].count), (1, 5));
    });
}

#[test]
fn resolve_of_something_never_seen_leaves_a_tombstone_and_creates_nothing() {
    tell(|| async {
        let bundle = calm().await;

        assert!(bundle.deliver(&[Alert::now(&bundle, "fire").over(&bundle)]).await);
        bundle.pass(20).await;

        let ledger = ledger(&bundle).await;
        assert_eq!((ledger.keys.len(), ledger.alerts.len(), ledger.incidents.len()), (1, 0, 0));
    });
}

#[test]
fn firing_that_its_own_resolve_overtook_is_born_resolved_and_pages_nobody() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "fire");
        bundle.pass(60).await;

        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(20).await;
        bundle.deliver(&[alert]).await;
        bundle.pass(600).await;

        assert!(paged(&bundle).is_empty());
        let ledger = ledger(&bundle).await;
        assert_eq!(ledger.alerts.len(), 1);
        assert_eq!(ledger.alerts[0].head().state().name(), "resolved");
    });
}

#[test]
fn firing_received_long_after_the_resolve_is_a_new_episode_whatever_its_own_time_says() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "fire");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(60).await;
        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(301).await;

        bundle.deliver(&[alert]).await;
        bundle.pass(20).await;

        assert_eq!(paged(&bundle).len(), 2);
        assert_eq!(ledger(&bundle).await.alerts.len(), 2);
    });
}

#[test]
fn firing_again_after_its_end_is_a_new_alert_with_a_new_page() {
    tell(|| async {
        let bundle = calm().await;
        for _ in 0..3 {
            let alert = Alert::now(&bundle, "fire");
            bundle.deliver(std::slice::from_ref(&alert)).await;
            bundle.pass(30).await;
            bundle.deliver(&[alert.over(&bundle)]).await;
            bundle.pass(30).await;
        }

        assert_eq!(paged(&bundle).len(), 3);
        let ledger = ledger(&bundle).await;
        assert_eq!((ledger.alerts.len(), ledger.incidents.len(), ledger.keys.len()), (3, 3, 1));
    });
}

#[test]
fn clock_of_a_sender_in_1970_or_2099_pages_all_the_same() {
    tell(|| async {
        let bundle = calm().await;
        let of = |name: &str, at: &str| {
            let starts: Timestamp = at.parse().unwrap();
            Alert { starts, ..Alert::now(&bundle, name) }
        };
        let old = of("old", "1970-01-01T00:00:10Z");
        let new = of("new", "2099-01-01T00:00:00Z");

        bundle.deliver(&[old.clone(), new.clone()]).await;
        bundle.pass(20).await;
        assert_eq!(paged(&bundle).len(), 2);
        let end = |alert: &Alert, at: &str| Alert { ends: Some(at.parse().unwrap()), ..alert.clone() };
        bundle.deliver(&[end(&old, "1970-01-01T00:10:00Z"), end(&new, "2099-01-01T00:10:00Z")]).await;
        bundle.pass(20).await;

        let ledger = ledger(&bundle).await;
        assert!(ledger.alerts.iter().all(|alert| alert.head().state().name() == "resolved"));
        assert!(
            ledger.alerts.iter().all(|alert| alert.started_at <= bundle.now()),
            "held to the time of reception"
        );
    });
}

#[test]
fn alert_resolved_by_hand_is_not_reopened_by_a_late_repeat_but_by_a_new_firing() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "fire");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(30).await;
        let id = ledger(&bundle).await.alerts[0].id;
        let by = domain::Actor::system(bundle.org, "story");
        app::alert::resolve::resolve(&bundle.calm.store, &by, id, bundle.now()).await.unwrap();

        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(30).await;
        assert_eq!(ledger(&bundle).await.alerts.len(), 1, "a late repeat opened a second alert");
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(30).await;

        assert_eq!(ledger(&bundle).await.alerts.len(), 2);
    });
}

#[test]
fn newest_words_are_shown_and_the_page_keeps_those_of_the_opening() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "fire");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(20).await;

        bundle.deliver(&[Alert { name: "more fire".to_owned(), ..alert }]).await;
        bundle.pass(20).await;

        let found = ledger(&bundle).await;
        let body = bundle.calm.store.alert_body(bundle.org, found.alerts[0].id).await.unwrap().unwrap();
        assert_eq!(body.title, "more fire");
        assert_eq!(bundle.inbox.arrived()[0].title, "fire");
        assert_eq!(paged(&bundle).len(), 1);
    });
}

#[test]
fn same_firing_twice_at_the_same_moment_opens_one_alert() {
    tell(|| async {
        for seed in 0..10 {
            // Calls take time, so that handlers interleave.
            let plan = FaultPlan { latency_ms: 20, ..FaultPlan::calm() };
            let bundle = Bundle::start(seed, plan, Provider::default()).await.unwrap();
            let alert = Alert::now(&bundle, "fire");

            assert!(bundle.deliver(&[alert.clone(), alert.clone(), alert]).await);
            bundle.pass(30).await;

            assert_eq!(paged(&bundle).len(), 1, "seed {seed}");
            let ledger = ledger(&bundle).await;
            assert_eq!((ledger.alerts.len(), ledger.incidents.len()), (1, 1), "seed {seed}");
        }
    });
}
