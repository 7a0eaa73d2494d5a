//! Functions killed between any two calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use embedded::TABLE;
use testing::faults::{Ended, Fault, FaultPlan};

use super::support::{FaultyServices, item};

/// Puts three items, one after the other.
async fn three_puts(services: &FaultyServices) -> &'static str {
    for pk in ["a", "b", "c"] {
        services.db.put_item().table_name(TABLE).set_item(Some(item(pk, "me"))).send().await.unwrap();
    }
    "done"
}

/// Which of the three are there.
async fn there(services: &FaultyServices) -> Vec<&'static str> {
    let mut there = Vec::new();
    for pk in ["a", "b", "c"] {
        if services.is_there(pk).await {
            there.push(pk);
        }
    }
    there
}

#[tokio::test(start_paused = true)]
async fn a_function_killed_after_any_call_has_done_just_those_before() {
    let all = ["a", "b", "c"];
    for calls in 0..=3 {
        let services = FaultyServices::new(FaultPlan::calm(), 1);

        let ended = services.faults.killed_after("puts", calls, three_puts(&services)).await;

        assert_eq!(ended, Ended::Killed { calls });
        assert_eq!(there(&services).await, all[..calls as usize]);
        assert_eq!(services.faults.counters()[&Fault::Killed], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_makes_fewer_calls_comes_to_its_end() {
    let services = FaultyServices::new(FaultPlan::calm(), 1);

    let ended = services.faults.killed_after("puts", 4, three_puts(&services)).await;

    assert_eq!(ended, Ended::Finished { output: "done", calls: 3 });
    assert!(services.faults.counters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_killed_function_is_dropped_where_it_stands() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let services = FaultyServices::new(FaultPlan::calm(), 1);
    let dropped = Arc::new(AtomicBool::new(false));
    let went_on = AtomicBool::new(false);
    let guard = Dropped(dropped.clone());

    let ended = services
        .faults
        .killed_after("puts", 1, async {
            let _guard = guard;
            three_puts(&services).await;
            went_on.store(true, Ordering::SeqCst);
        })
        .await;

    assert_eq!(ended.output(), None);
    assert!(dropped.load(Ordering::SeqCst));
    assert!(!went_on.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn one_invocation_is_killed_and_another_beside_it_goes_on() {
    let services = FaultyServices::new(FaultPlan { latency_ms: 5, ..FaultPlan::default() }, 1);
    let others = async {
        for n in 0..10 {
            let item = item(&format!("other-{n}"), "me");
            services.db.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
        }
    };

    let (killed, other) = tokio::join!(
        services.faults.killed_after("puts", 2, three_puts(&services)),
        services.faults.invocation("others", others)
    );

    assert_eq!(killed, Ended::Killed { calls: 2 });
    assert_eq!(other, Ended::Finished { output: (), calls: 10 });
    assert_eq!(there(&services).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn the_plan_kills_some_at_different_calls() {
    let services =
        FaultyServices::new(FaultPlan { killed: 0.5, killed_within: 3, ..FaultPlan::default() }, 1);
    let mut killed = [0; 4];
    let mut finished = 0;

    for _ in 0..100 {
        match services.faults.invocation("puts", three_puts(&services)).await {
            Ended::Killed { calls } => killed[calls as usize] += 1,
            Ended::Finished { .. } => finished += 1,
        }
    }

    assert!(killed.iter().all(|times| *times > 3), "{killed:?}");
    assert!((30..70).contains(&finished), "{finished}");
}
