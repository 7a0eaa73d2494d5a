//! Stream records across shards.

use std::collections::BTreeMap;

use embedded::{Record, TABLE};
use testing::faults::{Fault, FaultPlan, FaultyStream};

use super::support::{FaultyServices, item};

/// Writes `versions` of each of ten items, in turn.
async fn write(services: &FaultyServices, versions: u32) {
    for version in 0..versions {
        for n in 0..10 {
            let item = item(&n.to_string(), &version.to_string());
            services.calm.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
        }
    }
}

/// Reads everything, in batches.
fn read(services: &FaultyServices) -> Vec<Record> {
    let mut stream = FaultyStream::new(services.faults.clone(), services.embedded.stream());
    let mut all = Vec::new();
    loop {
        let batch = stream.next(7).unwrap();
        if batch.is_empty() {
            assert_eq!(stream.waiting(), 0);
            return all;
        }
        all.extend(batch);
    }
}

#[tokio::test(start_paused = true)]
async fn items_overtake_each_other_but_no_item_itself() {
    let services = FaultyServices::new(FaultPlan { stream_reordered: 0.5, ..FaultPlan::default() }, 1);
    write(&services, 5).await;

    let records = read(&services);

    assert_eq!(records.len(), 50);
    assert!(!records.is_sorted_by_key(|record| record.sequence.clone()));
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for record in &records {
        let before = last.insert(&record.key, &record.sequence);
        assert!(before.is_none_or(|before| before < record.sequence.as_str()), "{}", record.key);
    }
    assert_eq!(last.len(), 10);
    assert!(services.faults.counters()[&Fault::StreamReordered] > 0);
}

#[tokio::test(start_paused = true)]
async fn records_repeat_and_none_is_lost() {
    let services = FaultyServices::new(
        FaultPlan { stream_repeated: 0.3, stream_reordered: 0.5, ..FaultPlan::default() },
        1,
    );
    write(&services, 5).await;

    let records = read(&services);

    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for record in &records {
        *times.entry(&record.sequence).or_default() += 1;
    }
    assert_eq!(times.len(), 50);
    assert!(times.values().any(|times| *times == 2), "{times:?}");
    let repeated = services.faults.counters()[&Fault::StreamRepeated];
    assert_eq!(records.len() as u64, 50 + repeated);
}

#[tokio::test(start_paused = true)]
async fn a_calm_stream_is_as_it_was_written() {
    let services = FaultyServices::new(FaultPlan::calm(), 1);
    write(&services, 3).await;

    assert_eq!(read(&services), services.embedded.stream().read(100).unwrap());
}
