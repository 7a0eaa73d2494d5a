//! Sixteen writers race for one item.

use std::sync::Arc;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use embedded::{Embedded, TABLE};

use super::support::{ManualClock, directory, item, memory, specs};

const ROUNDS: usize = 100;
const WRITERS: usize = 16;

/// Lets all writers loose on one item a round and counts the winners of each.
async fn winners(embedded: &Embedded, transactional: bool) -> Vec<usize> {
    let client = embedded::dynamodb(embedded.backend());
    let mut winners = Vec::new();
    for round in 0..ROUNDS {
        let start = Arc::new(tokio::sync::Barrier::new(WRITERS));
        let tasks: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (client, start) = (client.clone(), start.clone());
                tokio::spawn(async move {
                    let item = item(&format!("round-{round}"), "HEAD", &[("by", &writer.to_string())]);
                    start.wait().await;
                    if transactional {
                        let put = Put::builder()
                            .table_name(TABLE)
                            .set_item(Some(item))
                            .condition_expression("attribute_not_exists(pk)");
                        let action = TransactWriteItem::builder().put(put.build().unwrap()).build();
                        client.transact_write_items().transact_items(action).send().await.is_ok()
                    } else {
                        let put = client.put_item().table_name(TABLE).set_item(Some(item));
                        put.condition_expression("attribute_not_exists(pk)").send().await.is_ok()
                    }
                })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            won += usize::from(task.await.unwrap());
        }
        winners.push(won);
    }
    winners
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_sixteen_racing_writers_wins() {
    let (embedded, _) = memory();

    assert_eq!(winners(&embedded, false).await, [1; ROUNDS]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_sixteen_racing_transactions_wins() {
    let (embedded, _) = memory();

    assert_eq!(winners(&embedded, true).await, [1; ROUNDS]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_sixteen_racing_writers_wins_on_disk() {
    let dir = directory("race");
    let embedded = Embedded::open(&dir, specs(), ManualClock::at_noon().clock()).unwrap();

    assert_eq!(winners(&embedded, false).await, [1; ROUNDS]);
}
