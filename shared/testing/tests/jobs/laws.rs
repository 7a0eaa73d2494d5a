//! What holds for every kind of job.

use std::future::Future;

use serde_json::json;
use testing::faults::{Fault, FaultPlan};

use domain::job::JobKind;

use crate::cases::{JobUnderTest, may_repeat, show};

/// How long a job takes at most where nothing goes wrong, in seconds.
const PROMPT: i64 = 10;

/// How long two sweeps take, in seconds.
const TWO_SWEEPS: u64 = 130;

/// How long it takes at most until a message whose worker was killed has come again, in seconds.
const COMES_AGAIN: u64 = 250;

/// Tries a law for every kind, each in a runtime of its own, whose time passes only when everybody waits.
fn holds<F: Future<Output = Result<(), String>>>(law: &str, check: impl Fn(JobKind) -> F) {
    let mut broken = Vec::new();
    for &kind in JobKind::ALL {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let outcome = runtime.unwrap().block_on(check(kind));
        println!("{law} {kind:?}: {outcome:?}");
        if let Err(why) = outcome {
            broken.push(format!("{kind:?}: {why}"));
        }
    }
    assert!(broken.is_empty(), "the law `{law}` does not hold:\n{}", broken.join("\n"));
}

/// Says whether an effect was seen as often as it should have been.
fn seen(when: &str, effects: usize, expected: usize) -> Result<(), String> {
    let wrong = format!("{when}, its effect was seen {effects} times instead of {expected}");
    if effects == expected { Ok(()) } else { Err(wrong) }
}

/// A moment so many seconds after another.
fn after(then: domain::Timestamp, seconds: i64) -> domain::Timestamp {
    then + jiff::SignedDuration::from_secs(seconds)
}

#[test]
fn job_is_done_once_and_in_its_time() {
    holds("done", async |kind| {
        let case = JobUnderTest::new(kind, FaultPlan::calm()).await;
        case.trigger(false).await;
        let due = case.due().await;
        case.until(after(due, PROMPT)).await;
        seen("in its time", case.effects().await, 1)?;
        case.bundle.pass(TWO_SWEEPS).await;
        seen("two sweeps later", case.effects().await, 1)
    });
}

#[test]
fn job_whose_messages_were_all_lost_is_done_by_the_sweep() {
    holds("lost", async |kind| {
        let plan = FaultPlan { lost: 1.0, ..FaultPlan::calm() }.losing([kind.queue().name()]);
        let case = JobUnderTest::new(kind, plan).await;
        // An alert that is to expire has to arrive.
        let arrives_by_the_queue = kind == JobKind::AlertExpiry;
        case.trigger(!arrives_by_the_queue).await;
        case.bundle.faults.begin();
        let due = case.due().await;
        case.until(after(due, PROMPT)).await;
        seen("without any message", case.effects().await, 0)?;
        case.bundle.faults.end();
        case.bundle.pass(TWO_SWEEPS).await;
        seen("two sweeps after the queue works again", case.effects().await, 1)
    });
}

#[test]
fn job_whose_messages_come_twice_at_the_same_moment_is_done_once() {
    holds("doubled", async |kind| {
        let case =
            JobUnderTest::new(kind, FaultPlan { doubled: 1.0, latency_ms: 40, ..FaultPlan::calm() }).await;
        case.trigger(true).await;
        let due = case.due().await;
        case.until(after(due, PROMPT)).await;
        case.bundle.pass(TWO_SWEEPS).await;
        seen("with every message doubled", case.effects().await, 1)
    });
}

#[test]
fn message_that_comes_after_the_job_is_done_does_nothing() {
    holds("late", async |kind| {
        let case = JobUnderTest::new(kind, FaultPlan::calm()).await;
        case.trigger(false).await;
        let (due, message) = (case.due().await, case.message().await);
        case.until(after(due, PROMPT)).await;
        for _ in 0..3 {
            case.send(&message).await;
        }
        case.bundle.pass(40).await;
        seen("after a late message", case.effects().await, 1)
    });
}

#[test]
fn message_that_comes_before_the_job_is_due_does_nothing() {
    holds("early", async |kind| {
        let case = JobUnderTest::new(kind, FaultPlan::calm()).await;
        case.trigger(false).await;
        let due = case.due().await;
        if due <= case.bundle.now() {
            return Ok(());
        }
        let message = case.message().await;
        case.send(&message).await;
        case.until(after(due, -5)).await;
        case.send(&message).await;
        case.until(after(due, -1)).await;
        seen("before it is due", case.effects().await, 0)?;
        case.until(after(due, PROMPT)).await;
        seen("in its time", case.effects().await, 1)
    });
}

#[test]
fn job_whose_messages_and_events_change_places_is_done_once() {
    holds("reordered", async |kind| {
        let plan = FaultPlan {
            reordered: 1.0,
            stream_reordered: 0.7,
            stream_repeated: 0.5,
            latency_ms: 20,
            ..FaultPlan::calm()
        };
        let case = JobUnderTest::new(kind, plan).await;
        case.trigger(true).await;
        case.bundle.pass(10).await;
        let due = case.due().await;
        case.until(after(due, 2 * PROMPT)).await;
        case.bundle.faults.end();
        case.bundle.pass(TWO_SWEEPS).await;
        seen("with messages that change places", case.effects().await, 1)
    });
}

#[test]
fn job_whose_worker_is_killed_between_any_two_calls_is_done() {
    holds("killed", async |kind| {
        let mut calls = 0;
        loop {
            let case = JobUnderTest::new(kind, FaultPlan::calm()).await;
            // What the job needs comes by the same queue: it is handled before anybody is killed.
            let before = kind != JobKind::AlertExpiry;
            if before {
                case.bundle.faults.kill_next(kind.queue().name(), calls);
            }
            case.trigger(false).await;
            if !before {
                case.bundle.faults.kill_next(kind.queue().name(), calls);
            }
            let due = case.due().await;
            case.until(after(due, PROMPT)).await;
            case.bundle.pass(COMES_AGAIN).await;
            let (effects, most) = (case.effects().await, if may_repeat(kind) { 2 } else { 1 });
            if !(1..=most).contains(&effects) {
                return Err(format!("killed after {calls} calls, its effect was seen {effects} times"));
            }
            let killed = case.bundle.faults.counters().contains_key(&Fault::Killed);
            case.bundle.stop().await;
            if !killed {
                return if calls > 1 { Ok(()) } else { Err("nobody was killed".to_owned()) };
            }
            calls += 1;
        }
    });
}

#[test]
fn job_that_is_held_by_a_worker_that_never_returns_is_done_once_the_lease_is_over() {
    holds("lease", async |kind| {
        if kind.policy().lease().is_none() {
            return Ok(());
        }
        let case = JobUnderTest::new(kind, FaultPlan::calm()).await;
        case.provider_is_down(true);
        case.trigger(false).await;
        case.bundle.pass(3).await;
        case.claim().await;
        case.provider_is_down(false);
        let message = case.message().await;
        for _ in 0..3 {
            case.send(&message).await;
            case.bundle.pass(5).await;
        }
        seen("while another worker holds it", case.effects().await, 0)?;
        case.bundle.pass(90).await;
        seen("once the lease is over", case.effects().await, 1)
    });
}

#[test]
fn job_that_is_void_before_a_worker_comes_has_no_effect() {
    holds("void", async |kind| {
        let plan = FaultPlan { lost: 1.0, ..FaultPlan::calm() }.losing([kind.queue().name()]);
        let case = JobUnderTest::new(kind, plan).await;
        let (arrives_by_the_queue, waits) = (kind == JobKind::AlertExpiry, kind == JobKind::HeartbeatCheck);
        case.trigger(!arrives_by_the_queue).await;
        case.bundle.pass(1).await;
        let due = case.due().await;
        case.bundle.faults.end();
        case.until(after(due, -20)).await;
        if !case.make_void().await {
            return Ok(());
        }
        case.until(after(due, 2 * PROMPT)).await;
        seen("after it became void", case.effects().await, 0)?;
        if waits {
            return Ok(());
        }
        // An alert that was sent again lasts for its whole time again.
        case.bundle.pass(TWO_SWEEPS).await;
        seen("two sweeps after it became void", case.effects().await, 0)
    });
}

#[test]
fn unreadable_message_fails_alone() {
    holds("unreadable", async |kind| {
        let case = JobUnderTest::new(kind, FaultPlan::calm()).await;
        case.trigger(false).await;
        let due = case.due().await;
        case.until(after(due, -1)).await;
        case.send(&json!({"of_another_version": {"org": 1}})).await;
        case.send(&json!(null)).await;
        case.until(after(due, PROMPT)).await;
        seen("beside an unreadable message", case.effects().await, 1)
    });
}

#[test]
fn job_that_is_refused_for_ten_minutes_is_done_after_that() {
    holds("refused", async |kind| {
        if kind.policy().lease().is_none() {
            return Ok(());
        }
        let case = JobUnderTest::new(kind, FaultPlan::calm()).await;
        case.provider_is_down(true);
        case.trigger(false).await;
        case.bundle.pass(600).await;
        seen("while it is refused", case.effects().await, 0)?;
        case.provider_is_down(false);
        // The longest pause between two attempts is five minutes.
        case.bundle.pass(310).await;
        seen("after its provider's return", case.effects().await, 1)
    });
}

#[test]
fn job_costs_what_it_did() {
    let mut costs = String::new();
    for &kind in JobKind::ALL {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let case = JobUnderTest::new(kind, FaultPlan::calm()).await;
            let before = case.counted();
            case.trigger(false).await;
            let due = case.due().await;
            case.until(after(due, 40)).await;
            costs.push_str(&format!("{kind:?}\n{}\n\n", show(&case.counted().since(&before))));
        });
    }
    insta::assert_snapshot!(costs);
}
