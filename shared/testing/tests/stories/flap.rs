//! Flapping alerts.

use domain::Actor;
use domain::alert::AlertState;
use domain::escalation::EscalationState;
use machine::Stateful;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

/// How many episodes page before a resolution is held back.
const EPISODES: usize = 4;

/// A little more than the quiet time that ends flapping, in seconds.
const QUIET_S: u64 = 600 + 90;

/// Fires, acknowledges and resolves an alert.
async fn episode(bundle: &Bundle) {
    let alert = Alert::now(bundle, "flaps");
    bundle.deliver(std::slice::from_ref(&alert)).await;
    bundle.pass(30).await;
    let (store, by) = (&bundle.calm.store, Actor::system(bundle.org, "story"));
    for one in ledger(bundle).await.escalations {
        if one.head().state() == EscalationState::Triggered {
            app::escalation::respond::acknowledge(store, &by, one.id, bundle.now()).await.unwrap();
        }
    }
    bundle.deliver(&[alert.over(bundle)]).await;
    bundle.pass(30).await;
}

async fn states(bundle: &Bundle) -> Vec<AlertState> {
    let mut alerts = ledger(bundle).await.alerts;
    alerts.sort_by_key(|alert| alert.id);
    alerts.iter().map(|alert| alert.head().state()).collect()
}

#[test]
fn alert_that_flaps_goes_on_without_a_page_for_each_and_is_over_once_it_was_quiet() {
    tell(|| async {
        let bundle = calm().await;
        for n in 1..=EPISODES {
            episode(&bundle).await;
            assert_eq!(paged(&bundle).len(), n, "each of the first ones pages");
        }
        assert_eq!(states(&bundle).await.last(), Some(&AlertState::Firing));

        for _ in 0..EPISODES {
            episode(&bundle).await;
            bundle.pass(240).await;
        }
        assert_eq!((paged(&bundle).len(), states(&bundle).await.len()), (EPISODES, EPISODES));
        assert_eq!(states(&bundle).await.last(), Some(&AlertState::Firing));

        bundle.pass(QUIET_S - 240).await;
        let found = ledger(&bundle).await;
        assert_eq!(states(&bundle).await, [AlertState::Resolved; EPISODES]);
        let last = found.alerts.iter().max_by_key(|alert| alert.id).unwrap();
        let over = last.resolved_at.unwrap();
        assert!(bundle.now().duration_since(over).as_secs() >= 600, "it was over when its source said so");
        assert!(found.escalations.iter().all(|one| one.head().state() != EscalationState::Triggered));
        assert_eq!(bundle.calm.store.expiry(bundle.org, last.id).await.unwrap(), None);
    });
}

#[test]
fn new_problem_after_the_quiet_pages_again() {
    tell(|| async {
        let bundle = calm().await;
        for _ in 0..=EPISODES {
            episode(&bundle).await;
        }
        bundle.pass(QUIET_S).await;
        let before = paged(&bundle).len();

        bundle.deliver(&[Alert::now(&bundle, "flaps")]).await;
        bundle.pass(30).await;

        assert_eq!((paged(&bundle).len(), states(&bundle).await.len()), (before + 1, EPISODES + 1));
    });
}

#[test]
fn alert_that_fires_for_good_after_it_flapped_goes_on_and_ends_when_its_source_says_so() {
    tell(|| async {
        let bundle = calm().await;
        for _ in 0..EPISODES {
            episode(&bundle).await;
        }
        let stays = Alert::now(&bundle, "flaps");
        bundle.deliver(std::slice::from_ref(&stays)).await;
        bundle.pass(3 * QUIET_S).await;
        assert_eq!(states(&bundle).await.last(), Some(&AlertState::Firing));

        bundle.deliver(&[stays.over(&bundle)]).await;
        bundle.pass(30).await;

        assert_eq!(states(&bundle).await, [AlertState::Resolved; EPISODES]);
    });
}

#[test]
fn alert_that_ends_now_and_then_pages_each_time() {
    tell(|| async {
        let bundle = calm().await;
        for _ in 0..2 * EPISODES {
            episode(&bundle).await;
            bundle.pass(240).await;
        }

        assert_eq!(paged(&bundle).len(), 2 * EPISODES);
    });
}

#[test]
fn alert_that_flaps_on_a_bad_day_is_over_once_it_was_quiet_and_pages_again_then() {
    for seed in 0..4 {
        tell(|| async {
            let plan = FaultPlan::rough().losing(["alert-handle"]);
            let bundle = Bundle::start(seed, plan, Provider::default()).await.unwrap();
            bundle.faults.end();
            for _ in 0..EPISODES {
                episode(&bundle).await;
            }
            assert_eq!(states(&bundle).await.last(), Some(&AlertState::Firing), "seed {seed}");
            bundle.faults.begin();
            bundle.pass(QUIET_S).await;
            bundle.faults.end();
            bundle.pass(300).await;
            assert_eq!(states(&bundle).await.last(), Some(&AlertState::Resolved), "seed {seed}");
            let before = states(&bundle).await.len();

            bundle.deliver(&[Alert::now(&bundle, "flaps")]).await;
            bundle.pass(60).await;

            assert_eq!(states(&bundle).await.len(), before + 1, "seed {seed}");
        });
    }
}
