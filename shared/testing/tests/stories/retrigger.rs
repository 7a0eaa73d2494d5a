//! Resolved alerts that somebody fires again.

use std::sync::Arc;

use app::alert::retrigger::{Retriggered, retrigger};
use domain::Actor;
use domain::alert::AlertState;
use machine::Stateful;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell, with};

/// Fires and resolves an alert.
async fn over(bundle: &Bundle) -> (Alert, domain::id::AlertId) {
    let alert = Alert::now(bundle, "fire");
    bundle.deliver(std::slice::from_ref(&alert)).await;
    bundle.pass(30).await;
    bundle.deliver(&[alert.over(bundle)]).await;
    bundle.pass(30).await;
    let id = ledger(bundle).await.alerts[0].id;
    (alert, id)
}

/// Fires it again through the API.
async fn again(bundle: &Bundle, id: domain::id::AlertId) -> Retriggered {
    retrigger(&bundle.context, &Actor::system(bundle.org, "story"), id).await.unwrap()
}

#[test]
fn alert_that_fires_again_by_hand_is_a_new_episode_of_its_key_and_pages() {
    tell(|| async {
        let bundle = calm().await;
        let (alert, id) = over(&bundle).await;

        let Retriggered::AsAlert(next) = again(&bundle, id).await else { panic!("it is over") };
        bundle.pass(30).await;

        let store = &bundle.calm.store;
        let (fires, history) = store.alert_with_history(bundle.org, next).await.unwrap().unwrap();
        assert_eq!((fires.head().state(), &*fires.title), (AlertState::Firing, "fire"));
        assert_eq!((&*history[0].by, &*history[0].why), ("system:story", "triggered again by hand"));
        let raw = store.alert_raw(bundle.org, id).await.unwrap();
        assert_eq!(store.alert_raw(bundle.org, next).await.unwrap(), raw, "the same payload");
        assert_eq!(paged(&bundle).len(), 2);

        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(30).await;
        let after = store.alert(bundle.org, next).await.unwrap().unwrap();
        assert_eq!(after.head().state(), AlertState::Resolved, "its source ends it as any other");
        assert_eq!(ledger(&bundle).await.keys.len(), 1);
    });
}

#[test]
fn asked_for_again_and_again_it_fires_once() {
    tell(|| async {
        let bundle = calm().await;
        let (_, id) = over(&bundle).await;

        again(&bundle, id).await;
        again(&bundle, id).await;
        bundle.pass(30).await;
        let Retriggered::AlreadyFiring(fires) = again(&bundle, id).await else { panic!("it fires") };
        assert!(
            matches!(again(&bundle, fires.id).await, Retriggered::AlreadyFiring(same) if same.id == fires.id)
        );
        bundle.pass(30).await;

        assert_eq!((ledger(&bundle).await.alerts.len(), paged(&bundle).len()), (2, 2));
    });
}

#[test]
fn alert_resolved_by_hand_a_moment_ago_fires_again() {
    tell(|| async {
        let bundle = calm().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(30).await;
        let (id, by) = (ledger(&bundle).await.alerts[0].id, Actor::system(bundle.org, "story"));
        app::alert::resolve::resolve(&bundle.calm.store, &by, id, bundle.now()).await.unwrap();

        again(&bundle, id).await;
        bundle.pass(30).await;

        assert_eq!(paged(&bundle).len(), 2);
    });
}

#[test]
fn alert_fires_again_although_the_clock_of_who_asks_is_behind() {
    tell(|| async {
        let bundle = calm().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(30).await;
        let (id, by) = (ledger(&bundle).await.alerts[0].id, Actor::system(bundle.org, "story"));
        let late = bundle.now();
        let behind = app::Context { clock: Arc::new(move || late), ..bundle.context.clone() };
        bundle.pass(10).await;
        app::alert::resolve::resolve(&bundle.calm.store, &by, id, bundle.now()).await.unwrap();

        retrigger(&behind, &by, id).await.unwrap();
        bundle.pass(30).await;

        assert_eq!(paged(&bundle).len(), 2, "it was taken for older than its end");
    });
}

#[test]
fn alert_fires_again_once_although_its_message_is_late_and_comes_twice() {
    tell(|| async {
        let plan = FaultPlan { delayed: 0.5, delay_s: 60, doubled: 0.5, ..FaultPlan::calm() };
        let bundle = with(plan).await;
        bundle.faults.end();
        let (_, id) = over(&bundle).await;

        bundle.faults.begin();
        again(&bundle, id).await;
        again(&bundle, id).await;
        bundle.pass(300).await;

        assert_eq!((ledger(&bundle).await.alerts.len(), paged(&bundle).len()), (2, 2));
    });
}
