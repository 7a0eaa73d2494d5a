//! Messages at least once, in any order, and some not at all.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use testing::faults::{Fault, FaultPlan};

use super::support::{FaultyServices, WORK};

const OTHER: &str = "http://embedded/queue/other";

/// Sends a message.
async fn send(services: &FaultyServices, url: &str, body: &str) {
    services.sqs.send_message().queue_url(url).message_body(body).send().await.unwrap();
}

/// Receives what is there now and deletes it.
fn drain(services: &FaultyServices, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let received = services.embedded.queues().receive(queue, 10).unwrap();
        if received.is_empty() {
            return bodies;
        }
        for message in received {
            services.embedded.queues().delete(queue, &message.receipt).unwrap();
            bodies.push(message.body);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubled_message_comes_two_to_five_times() {
    let services = FaultyServices::new(FaultPlan { doubled: 1.0, ..FaultPlan::default() }, 1);
    let mut times = BTreeSet::new();

    for _ in 0..50 {
        send(&services, WORK, "m").await;
        times.insert(drain(&services, "work").len());
    }

    assert_eq!(times, BTreeSet::from([2, 3, 4, 5]));
}

#[tokio::test(start_paused = true)]
async fn messages_get_lost_only_where_they_may() {
    let services = FaultyServices::new(FaultPlan { lost: 1.0, ..FaultPlan::default() }.losing(["work"]), 1);

    send(&services, WORK, "m").await;
    send(&services, OTHER, "m").await;
    let entry = SendMessageBatchRequestEntry::builder().id("a").message_body("m").build().unwrap();
    let batch = services.sqs.send_message_batch().queue_url(WORK).entries(entry).send().await.unwrap();

    assert_eq!((batch.successful().len(), batch.failed().len()), (1, 0), "nobody is told");
    assert_eq!(services.embedded.queues().depth("work").unwrap(), 0);
    assert_eq!(services.embedded.queues().depth("other").unwrap(), 1);
    assert_eq!(services.faults.counters()[&Fault::Lost], 2);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_comes_later_but_comes() {
    let services = FaultyServices::new(FaultPlan { delayed: 1.0, delay_s: 60, ..FaultPlan::default() }, 1);

    for n in 0..20 {
        send(&services, WORK, &n.to_string()).await;
    }

    assert!(drain(&services, "work").is_empty());
    tokio::time::sleep(Duration::from_secs(30)).await;
    let early = drain(&services, "work").len();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!((1..20).contains(&early), "{early}");
    assert_eq!(early + drain(&services, "work").len(), 20);
}

#[tokio::test(start_paused = true)]
async fn messages_change_places() {
    let services = FaultyServices::new(FaultPlan { reordered: 0.5, ..FaultPlan::default() }, 1);
    let sent: Vec<String> = (0..30).map(|n| format!("{n:02}")).collect();

    for body in &sent {
        send(&services, WORK, body).await;
    }
    let mut received = drain(&services, "work");
    tokio::time::sleep(Duration::from_secs(5)).await;
    received.extend(drain(&services, "work"));

    assert_ne!(received, sent);
    received.sort();
    assert_eq!(received, sent);
}

#[tokio::test(start_paused = true)]
async fn received_messages_are_shuffled_for_whoever_asks() {
    let services = FaultyServices::new(FaultPlan { reordered: 1.0, ..FaultPlan::default() }, 1);
    let mut messages: Vec<u32> = (0..10).collect();

    services.faults.shuffle(&mut messages);

    assert_ne!(messages, (0..10).collect::<Vec<_>>());
    messages.sort_unstable();
    assert_eq!(messages, (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_answered_well_although_entries_failed() {
    let services = FaultyServices::new(FaultPlan { batch_failed: 0.5, ..FaultPlan::default() }, 1);
    let entries: Vec<_> = (0..10)
        .map(|n| SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(n.to_string()))
        .map(|entry| entry.build().unwrap())
        .collect();

    let answer =
        services.sqs.send_message_batch().queue_url(WORK).set_entries(Some(entries)).send().await.unwrap();

    let sent: BTreeSet<String> = answer.successful().iter().map(|entry| entry.id().to_owned()).collect();
    let failed: BTreeSet<String> = answer.failed().iter().map(|entry| entry.id().to_owned()).collect();
    assert!(!failed.is_empty() && !sent.is_empty());
    assert_eq!(sent.len() + failed.len(), 10);
    assert!(answer.failed().iter().all(|entry| !entry.sender_fault()));
    assert_eq!(drain(&services, "work").into_iter().collect::<BTreeSet<_>>(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_which_every_entry_failed_sends_nothing() {
    let services = FaultyServices::new(FaultPlan { batch_failed: 1.0, ..FaultPlan::default() }, 1);
    let entry = SendMessageBatchRequestEntry::builder().id("a").message_body("m").build().unwrap();

    let answer = services.sqs.send_message_batch().queue_url(WORK).entries(entry).send().await.unwrap();

    assert_eq!((answer.successful().len(), answer.failed().len()), (0, 1));
    assert_eq!(services.embedded.queues().depth("work").unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batchs_messages_are_doubled_and_delayed_each_by_itself() {
    let services =
        FaultyServices::new(FaultPlan { doubled: 0.5, delayed: 0.5, delay_s: 60, ..FaultPlan::default() }, 1);
    let entries: Vec<_> = (0..10)
        .map(|n| SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(n.to_string()))
        .map(|entry| entry.build().unwrap())
        .collect();

    services.sqs.send_message_batch().queue_url(WORK).set_entries(Some(entries)).send().await.unwrap();

    let now = drain(&services, "work");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let later = drain(&services, "work");
    assert!(!later.is_empty() && !now.is_empty());
    assert!(now.len() + later.len() > 10);
    assert_eq!(now.into_iter().chain(later).collect::<BTreeSet<_>>().len(), 10);
}
