//! The master story, for each of a number of seeds.

use std::time::Instant;

use testing::master::{Outcome, Size, tell};

/// The size of each story.
const SIZE: Size = Size { events: 130, keys: 20 };

/// The number of seeds, from the environment; a few by default.
fn seeds() -> std::ops::Range<u64> {
    #[expect(clippy::disallowed_methods, reason = "the number of seeds is the test run's own configuration")]
    let asked = std::env::var("FIREBELL_SEEDS").ok();
    let asked = asked.unwrap_or_else(|| "0..4".to_owned());
    let (from, to) = asked.split_once("..").unwrap_or(("0", &asked));
    let number = |text: &str| text.parse().expect("FIREBELL_SEEDS is `N` or `FROM..TO`");
    number(from)..number(to)
}

/// Runs one story in a runtime of its own.
fn story(seed: u64) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(tell(seed, SIZE)).expect("the bundle starts")
}

#[test]
fn nothing_accepted_is_lost_while_aws_does_its_worst() {
    let begun = Instant::now();
    let seeds = seeds();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = std::sync::atomic::AtomicU64::new(seeds.start);
    let outcomes = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = story(seed);
                    if !outcome.wrong.is_empty() {
                        println!("seed {seed}: {:#?}", outcome.wrong);
                    }
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });

    let outcomes = outcomes.into_inner().unwrap();
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    println!(
        "{} seeds in {:.1?}: accepted {} firings, refused {} requests, {} pages arrived, {} doubled (allowed {}), \
         {} told a program once, {} acknowledged, {} joined a group, {} over while a queue kept them back, {} wrong",
        outcomes.len(),
        begun.elapsed(),
        sum(|o| o.accepted),
        sum(|o| o.refused),
        sum(|o| o.arrived),
        sum(|o| o.doubled),
        sum(|o| o.unmarked),
        sum(|o| o.told_once),
        sum(|o| o.acknowledged),
        sum(|o| o.joined),
        sum(|o| o.late),
        sum(|o| o.wrong.len()),
    );
    let bad: Vec<u64> = outcomes.iter().filter(|o| !o.wrong.is_empty()).map(|o| o.seed).collect();
    assert!(
        bad.is_empty(),
        "these seeds went wrong: {bad:?}; run one alone with FIREBELL_SEEDS={}..{}",
        bad[0],
        bad[0] + 1
    );
}

#[test]
fn same_seed_tells_the_same_story() {
    let (once, again) = (story(7), story(7));

    assert_eq!(once.hash, again.hash);
    assert_eq!(once.arrived, again.arrived);
    assert_ne!(once.hash, story(8).hash);
}
