//! The same seed does the same again.

use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use embedded::TABLE;
use testing::faults::{Fault, FaultPlan, FaultyStream, story_clock};

use super::support::{FaultyServices, NOON, WORK, item, key, put_new, text};

/// What one run of the workload shows.
#[derive(Debug, PartialEq)]
struct Run {
    hash: u64,
    outcomes: Vec<String>,
    faults: Vec<String>,
    passed: Duration,
    stream: Vec<(String, String)>,
}

/// Runs eight tasks that write, read and send, killed now and then, and a relay beside them.
fn run(seed: u64) -> Run {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start = tokio::time::Instant::now();
        let services = std::sync::Arc::new(FaultyServices::new(FaultPlan::rough().losing(["work"]), seed));
        let tasks: Vec<_> = (0..8)
            .map(|worker| {
                let services = services.clone();
                tokio::spawn(async move {
                    let mut outcomes = Vec::new();
                    for round in 0..5 {
                        let name = format!("worker-{worker}");
                        let ended = services.faults.invocation(&name, work(&services, worker, round)).await;
                        outcomes.push(format!("{name} {round} {ended:?}"));
                    }
                    outcomes
                })
            })
            .collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.extend(task.await.unwrap());
        }
        let mut stream = FaultyStream::new(services.faults.clone(), services.embedded.stream());
        let mut records = Vec::new();
        loop {
            let batch = stream.next(10).unwrap();
            if batch.is_empty() {
                break;
            }
            records.extend(batch.into_iter().map(|record| (record.sequence, record.key)));
        }
        let faults = services.faults.injected().iter().map(|fault| format!("{fault:?}")).collect();
        Run { hash: services.faults.log_hash(), outcomes, faults, passed: start.elapsed(), stream: records }
    })
}

/// One round of one task; returns how many of its five calls went well.
async fn work(services: &FaultyServices, worker: u32, round: u32) -> usize {
    let pk = format!("item-{}", (worker + round) % 6);
    let by = worker.to_string();
    let put = services.db.put_item().table_name(TABLE).set_item(Some(item(&pk, &by)));
    let mut well = usize::from(put.condition_expression("attribute_not_exists(pk)").send().await.is_ok());
    let got = services.db.get_item().table_name(TABLE).set_key(Some(key(&pk))).send().await;
    well += usize::from(got.is_ok_and(|got| got.item.is_some()));
    let token = format!("{worker}-{round}");
    let action = put_new(&format!("new-{worker}-{round}"), &by);
    let transaction = services.db.transact_write_items().transact_items(action).client_request_token(token);
    well += usize::from(transaction.send().await.is_ok());
    let query = services.db.query().table_name(TABLE).index_name("due").key_condition_expression("dpk = :k");
    well += usize::from(query.expression_attribute_values(":k", text("DUE#1")).send().await.is_ok());
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body("m").build().unwrap();
    let send = services.sqs.send_message_batch().queue_url(WORK).entries(entry("a")).entries(entry("b"));
    well + usize::from(send.send().await.is_ok_and(|answer| answer.failed().is_empty()))
}

#[test]
fn the_same_seed_gives_the_same_log_twice() {
    for seed in [1, 7, 1234] {
        let first = run(seed);
        assert_eq!(first, run(seed), "seed {seed}");
        println!("seed {seed}: {:016x}, {} faults", first.hash, first.faults.len());
    }
}

#[test]
fn another_seed_gives_another_log() {
    let hashes: std::collections::BTreeSet<u64> = (0..20).map(|seed| run(seed).hash).collect();

    assert_eq!(hashes.len(), 20);
}

#[test]
fn a_rough_day_has_some_of_everything() {
    let seen: String = (0..20).flat_map(|seed| run(seed).faults).collect();

    for fault in [
        Fault::CutBefore,
        Fault::ErrorBefore,
        Fault::CutAfter,
        Fault::ErrorAfter,
        Fault::Throttled,
        Fault::Conflict,
        Fault::Stale,
        Fault::BatchFailed,
        Fault::Doubled,
        Fault::Delayed,
        Fault::Lost,
        Fault::Reordered,
        Fault::StreamReordered,
        Fault::StreamRepeated,
        Fault::Killed,
    ] {
        assert!(seen.contains(&format!("{fault:?}")), "no {fault:?} in twenty seeds");
    }
}

#[tokio::test(start_paused = true)]
async fn a_calm_plan_does_nothing() {
    let services = FaultyServices::new(FaultPlan::calm(), 1);

    for round in 0..5 {
        let ended = services.faults.invocation("worker", work(&services, 0, round)).await;
        assert!(ended.output().is_some());
    }

    assert!(services.faults.counters().is_empty());
    assert!(services.faults.injected().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_storys_clock_goes_with_the_runtimes_time() {
    let clock = story_clock(NOON);

    tokio::time::sleep(Duration::from_secs(3600)).await;

    assert_eq!(clock(), NOON + 3_600_000);
}

#[test]
#[ignore = "a measurement: run it in release"]
fn what_a_call_costs() {
    let plan = FaultPlan { stale: 0.5, lag: 50, before: 1e-9, ..FaultPlan::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for (name, plan) in [("calm", FaultPlan::calm()), ("stale", plan)] {
        let (put, get) = runtime.block_on(put_and_get(plan));
        println!("{name}: put {put:?}, get {get:?}");
    }
    let start = std::time::Instant::now();
    for seed in 0..20 {
        run(seed);
    }
    println!("a seed of the workload above, of 200 calls and more: {:?}", start.elapsed() / 20);
}

/// How long a put and a get take.
async fn put_and_get(plan: FaultPlan) -> (Duration, Duration) {
    let services = FaultyServices::new(plan, 1);
    let start = std::time::Instant::now();
    for n in 0..500 {
        let item = item(&n.to_string(), "me");
        services.db.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
    }
    let put = start.elapsed() / 500;
    let start = std::time::Instant::now();
    for n in 0..2000 {
        let key = key(&(n % 500).to_string());
        services.db.get_item().table_name(TABLE).set_key(Some(key)).send().await.unwrap();
    }
    (put, start.elapsed() / 2000)
}
