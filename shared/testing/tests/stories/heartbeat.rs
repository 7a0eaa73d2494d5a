//! Heartbeats: jobs that ping, and jobs that miss a ping.

use domain::Actor;
use domain::alert::AlertState;
use domain::id::SourceId;
use domain::source::heartbeat::HeartbeatState;
use machine::Stateful;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::inbox::Provider;

use crate::stage::{calm, ledger, paged, tell};

async fn states(bundle: &Bundle) -> Vec<AlertState> {
    ledger(bundle).await.alerts.iter().map(|alert| alert.head().state()).collect()
}

#[test]
fn job_that_is_missed_pages_once_and_its_next_ping_ends_that() {
    tell(|| async {
        let bundle = calm().await;
        let id = bundle.add_heartbeat(&bundle.calm.store).await.unwrap();
        bundle.pass(300).await;
        assert!(states(&bundle).await.is_empty(), "before its first ping nobody watches");

        for _ in 0..5 {
            assert!(bundle.ping(id).await);
            bundle.pass(60).await;
        }
        assert!(states(&bundle).await.is_empty());
        bundle.pass(15).await;

        assert_eq!((states(&bundle).await, paged(&bundle).len()), (vec![AlertState::Firing], 1));
        let title = ledger(&bundle).await.alerts[0].title.clone();
        assert!(title.starts_with("Backup has sent no ping for "), "{title}");
        bundle.pass(600).await;
        assert_eq!(
            (states(&bundle).await.len(), paged(&bundle).len()),
            (1, 1),
            "still missed is no other alert"
        );

        assert!(bundle.ping(id).await);
        bundle.pass(10).await;
        assert_eq!(states(&bundle).await, [AlertState::Resolved]);
        assert!(bundle.ping(id).await);
        bundle.pass(10).await;
        assert_eq!((states(&bundle).await.len(), paged(&bundle).len()), (1, 1));

        // The next missed ping is another alert.
        bundle.pass(120).await;
        assert_eq!(states(&bundle).await.len(), 2);
    });
}

#[test]
fn ping_is_one_write_that_touches_no_index() {
    tell(|| async {
        let bundle = calm().await;
        let id = bundle.add_heartbeat(&bundle.calm.store).await.unwrap();
        assert!(bundle.ping(id).await);
        bundle.pass(5).await;
        let before = bundle.counts.snapshot();

        assert!(bundle.ping(id).await);

        let cost = bundle.counts.snapshot().since(&before);
        let written = |arm| cost.total(embedded::UnitKind::Write, arm);
        assert_eq!(cost.calls(), 1, "{cost:?}");
        assert_eq!(
            (written(embedded::UnitTarget::Table), written(embedded::UnitTarget::Index)),
            (1.0, 0.0),
            "{cost:?}"
        );
    });
}

#[test]
fn job_of_a_source_that_is_switched_off_is_watched_no_more_until_it_pings_again() {
    tell(|| async {
        let bundle = calm().await;
        let id = bundle.add_heartbeat(&bundle.calm.store).await.unwrap();
        assert!(bundle.ping(id).await);
        let (context, by) = (&bundle.calm, Actor::system(bundle.org, "story"));
        let switch = async |off: bool| {
            let which = (id, off);
            let switched =
                app::source::switch::switch(&context.store, &by, which, &context.random, bundle.now());
            switched.await.unwrap();
        };
        let state = async || context.store.heartbeat(bundle.org, id).await.unwrap().unwrap().head().state();

        switch(true).await;
        bundle.pass(300).await;
        assert_eq!((state().await, paged(&bundle).len()), (HeartbeatState::Idle, 0));
        assert!(!bundle.ping(id).await, "what is switched off refuses");

        switch(false).await;
        bundle.pass(60).await;
        assert!(bundle.ping(id).await);
        assert_eq!(state().await, HeartbeatState::Healthy);
        bundle.pass(120).await;
        assert_eq!((state().await, paged(&bundle).len()), (HeartbeatState::Missed, 1));
    });
}

#[test]
fn ping_that_races_the_look_leaves_no_alert_open() {
    tell(|| async {
        let plan = FaultPlan { latency_ms: 40, ..FaultPlan::calm() };
        let bundle = Bundle::start(3, plan, Provider::default()).await.unwrap();
        let id = bundle.add_heartbeat(&bundle.calm.store).await.unwrap();
        assert!(bundle.ping(id).await);

        // Each second around the deadline, so that ping and check race.
        bundle.pass(69).await;
        for _ in 0..6 {
            assert!(bundle.ping(id).await);
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        }
        bundle.pass(50).await;

        assert!(states(&bundle).await.iter().all(|state| *state == AlertState::Resolved));
        let state = bundle.calm.store.heartbeat(bundle.org, id).await.unwrap().unwrap().head().state();
        assert_eq!(state, HeartbeatState::Healthy);
    });
}

#[test]
fn job_that_dies_on_a_bad_day_pages_and_one_that_lives_does_not() {
    for seed in 0..4 {
        tell(|| async {
            let plan = FaultPlan::rough().losing(["alert-handle"]);
            let bundle = Bundle::start(seed, plan, Provider::default()).await.unwrap();
            bundle.faults.end();
            let (dies, lives) = (
                bundle.add_heartbeat(&bundle.calm.store).await.unwrap(),
                bundle.add_heartbeat(&bundle.calm.store).await.unwrap(),
            );
            assert!(bundle.ping(dies).await && bundle.ping(lives).await);
            bundle.faults.begin();

            for _ in 0..20 {
                // A job retries until its ping is accepted.
                while !bundle.ping(lives).await {
                    bundle.pass(1).await;
                }
                bundle.pass(20).await;
            }
            bundle.faults.end();
            for _ in 0..8 {
                assert!(bundle.ping(lives).await);
                bundle.pass(30).await;
            }

            let found = ledger(&bundle).await;
            let of = |id: SourceId| -> Vec<_> {
                let of = found.alerts.iter().filter(|alert| alert.source == id);
                of.map(|alert| alert.head().state()).collect()
            };
            assert_eq!(of(dies), [AlertState::Firing], "seed {seed}");
            assert_eq!(of(lives), [], "seed {seed}");
        });
    }
}
