//! Writes do not become slower as the stream grows.

use std::time::{Duration, Instant};

use embedded::{Embedded, TABLE};

use super::support::{ManualClock, directory, item, specs};

/// Reads all records and stores the checkpoint, as the relay does.
fn relay(stream: &embedded::Stream) -> usize {
    let mut relayed = 0;
    loop {
        let records = stream.read(1000).unwrap();
        let Some(last) = records.last() else { return relayed };
        stream.checkpoint(&last.sequence).unwrap();
        relayed += records.len();
    }
}

/// Puts `count` items while another thread relays and trims, and returns how long each thousand took, how many
/// records were relayed, and how many are left.
fn grow(count: usize, every: Duration) -> (Vec<Duration>, usize, usize) {
    let dir = directory("growth");
    let embedded = Embedded::open(&dir, specs(), ManualClock::at_noon().clock()).unwrap();
    let stream = embedded.stream();
    let (done, until) = std::sync::mpsc::channel::<()>();
    let trimmer = std::thread::spawn(move || {
        let mut relayed = 0;
        loop {
            let last = until.recv_timeout(every).is_ok();
            relayed += relay(&stream);
            stream.trim().unwrap();
            if last {
                return relayed;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = embedded::dynamodb(embedded.backend());
    let mut thousands = Vec::new();
    runtime.block_on(async {
        for thousand in 0..count / 1000 {
            let start = Instant::now();
            for n in 0..1000 {
                let pk = format!("item-{thousand}-{n}");
                client.put_item().table_name(TABLE).set_item(Some(item(&pk, "1", &[]))).send().await.unwrap();
            }
            thousands.push(start.elapsed());
        }
    });
    done.send(()).unwrap();
    let relayed = trimmer.join().unwrap();
    (thousands, relayed, embedded.stream().len().unwrap())
}

#[test]
fn the_stream_is_trimmed_while_it_is_written_and_loses_nothing() {
    let (thousands, relayed, left) = grow(3_000, Duration::from_millis(100));

    println!("each thousand puts took {thousands:?}");
    assert_eq!(relayed, 3_000);
    assert_eq!(left, 1);
}

#[test]
#[ignore = "a minute long; the one above is its short form"]
fn twenty_thousand_puts_leave_one_record_in_the_stream() {
    let (thousands, relayed, left) = grow(20_000, Duration::from_secs(1));

    println!("each thousand puts took {thousands:?}");
    assert_eq!(relayed, 20_000);
    assert_eq!(left, 1);
}
