//! Messages at least once, in any order, and some not at all.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use testing::faults::{Fault, FaultPlan};

use super::support::{Rig, WORK};

const OTHER: &str = "http://embedded/queue/other";

/// Sends a message.
async fn send(rig: &Rig, url: &str, body: &str) {
    rig.sqs.send_message().queue_url(url).message_body(body).send().await.unwrap();
}

/// Receives what is there now and deletes it.
fn drain(rig: &Rig, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let received = rig.embedded.queues().receive(queue, 10).unwrap();
        if received.is_empty() {
            return bodies;
        }
        for message in received {
            rig.embedded.queues().delete(queue, &message.receipt).unwrap();
            bodies.push(message.body);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubled_message_comes_two_to_five_times() {
    let rig = Rig::new(FaultPlan { doubled: 1.0, ..FaultPlan::default() }, 1);
    let mut times = BTreeSet::new();

    for _ in 0..50 {
        send(&rig, WORK, "m").await;
        times.insert(drain(&rig, "work").len());
    }

    assert_eq!(times, BTreeSet::from([2, 3, 4, 5]));
}

#[tokio::test(start_paused = true)]
async fn messages_get_lost_only_where_they_may() {
    let rig = Rig::new(FaultPlan { lost: 1.0, ..FaultPlan::default() }.losing(["work"]), 1);

    send(&rig, WORK, "m").await;
    send(&rig, OTHER, "m").await;
    let entry = SendMessageBatchRequestEntry::builder().id("a").message_body("m").build().unwrap();
    let batch = rig.sqs.send_message_batch().queue_url(WORK).entries(entry).send().await.unwrap();

    assert_eq!((batch.successful().len(), batch.failed().len()), (1, 0), "nobody is told");
    assert_eq!(rig.embedded.queues().depth("work").unwrap(), 0);
    assert_eq!(rig.embedded.queues().depth("other").unwrap(), 1);
    assert_eq!(rig.faults.counters()[&Fault::Lost], 2);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_comes_later_but_comes() {
    let rig = Rig::new(FaultPlan { delayed: 1.0, delay_s: 60, ..FaultPlan::default() }, 1);

    for n in 0..20 {
        send(&rig, WORK, &n.to_string()).await;
    }

    assert!(drain(&rig, "work").is_empty());
    tokio::time::sleep(Duration::from_secs(30)).await;
    let early = drain(&rig, "work").len();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!((1..20).contains(&early), "{early}");
    assert_eq!(early + drain(&rig, "work").len(), 20);
}

#[tokio::test(start_paused = true)]
async fn messages_change_places() {
    let rig = Rig::new(FaultPlan { reordered: 0.5, ..FaultPlan::default() }, 1);
    let sent: Vec<String> = (0..30).map(|n| format!("{n:02}")).collect();

    for body in &sent {
        send(&rig, WORK, body).await;
    }
    let mut received = drain(&rig, "work");
    tokio::time::sleep(Duration::from_secs(5)).await;
    received.extend(drain(&rig, "work"));

    assert_ne!(received, sent);
    received.sort();
    assert_eq!(received, sent);
}

#[tokio::test(start_paused = true)]
async fn received_messages_are_shuffled_for_whoever_asks() {
    let rig = Rig::new(FaultPlan { reordered: 1.0, ..FaultPlan::default() }, 1);
    let mut messages: Vec<u32> = (0..10).collect();

    rig.faults.shuffle(&mut messages);

    assert_ne!(messages, (0..10).collect::<Vec<_>>());
    messages.sort_unstable();
    assert_eq!(messages, (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_answered_well_although_entries_failed() {
    let rig = Rig::new(FaultPlan { batch_failed: 0.5, ..FaultPlan::default() }, 1);
    let entries: Vec<_> = (0..10)
        .map(|n| SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(n.to_string()))
        .map(|entry| entry.build().unwrap())
        .collect();

    let answer =
        rig.sqs.send_message_batch().queue_url(WORK).set_entries(Some(entries)).send().await.unwrap();

    let sent: BTreeSet<String> = answer.successful().iter().map(|entry| entry.id().to_owned()).collect();
    let failed: BTreeSet<String> = answer.failed().iter().map(|entry| entry.id().to_owned()).collect();
    assert!(!failed.is_empty() && !sent.is_empty());
    assert_eq!(sent.len() + failed.len(), 10);
    assert!(answer.failed().iter().all(|entry| !entry.sender_fault()));
    assert_eq!(drain(&rig, "work").into_iter().collect::<BTreeSet<_>>(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_which_every_entry_failed_sends_nothing() {
    let rig = Rig::new(FaultPlan { batch_failed: 1.0, ..FaultPlan::default() }, 1);
    let entry = SendMessageBatchRequestEntry::builder().id("a").message_body("m").build().unwrap();

    let answer = rig.sqs.send_message_batch().queue_url(WORK).entries(entry).send().await.unwrap();

    assert_eq!((answer.successful().len(), answer.failed().len()), (0, 1));
    assert_eq!(rig.embedded.queues().depth("work").unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batchs_messages_are_doubled_and_delayed_each_by_itself() {
    let rig = Rig::new(FaultPlan { doubled: 0.5, delayed: 0.5, delay_s: 60, ..FaultPlan::default() }, 1);
    let entries: Vec<_> = (0..10)
        .map(|n| SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(n.to_string()))
        .map(|entry| entry.build().unwrap())
        .collect();

    rig.sqs.send_message_batch().queue_url(WORK).set_entries(Some(entries)).send().await.unwrap();

    let now = drain(&rig, "work");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let later = drain(&rig, "work");
    assert!(!later.is_empty() && !now.is_empty());
    assert!(now.len() + later.len() > 10);
    assert_eq!(now.into_iter().chain(later).collect::<BTreeSet<_>>().len(), 10);
}
