//! The stream as the relay reads it.

use aws_lambda_events::event::dynamodb::Event;
use embedded::{Embedded, TABLE};
use serde_json::json;

use super::support::{ManualClock, NOON, directory, item, key, memory, specs, text};

/// Inserts, changes and deletes one item.
async fn a_short_life(embedded: &Embedded, pk: &str) {
    let client = embedded::dynamodb(embedded.backend());
    client
        .put_item()
        .table_name(TABLE)
        .set_item(Some(item(pk, "1", &[("state", "new")])))
        .send()
        .await
        .unwrap();
    client
        .update_item()
        .table_name(TABLE)
        .set_key(Some(key(pk, "1")))
        .update_expression("SET #s = :s")
        .expression_attribute_names("#s", "state")
        .expression_attribute_values(":s", text("old"))
        .send()
        .await
        .unwrap();
    client.delete_item().table_name(TABLE).set_key(Some(key(pk, "1"))).send().await.unwrap();
}

#[tokio::test]
async fn records_come_in_order_and_read_as_a_functions_event() {
    let (embedded, _) = memory();
    a_short_life(&embedded, "a").await;

    let records = embedded.stream().read(100).unwrap();

    let names: Vec<&str> = records.iter().map(|record| record.event_name.as_str()).collect();
    assert_eq!(names, ["INSERT", "MODIFY", "REMOVE"]);
    assert!(records.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    let events: Vec<_> = records.into_iter().map(|record| record.event).collect();
    let event: Event = serde_json::from_value(json!({ "Records": events })).unwrap();
    let first = &event.records[0];
    assert_eq!(first.change.approximate_creation_date_time.timestamp_millis(), NOON);
    let state: String =
        serde_json::from_value(events[0]["dynamodb"]["NewImage"]["state"]["S"].clone()).unwrap();
    assert_eq!(state, "new");
    assert_eq!(first.change.sequence_number.as_deref(), Some(first.event_id.as_str()));
}

#[tokio::test]
async fn a_failed_condition_leaves_no_record() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());
    let put = || client.put_item().table_name(TABLE).set_item(Some(item("a", "1", &[])));

    put().send().await.unwrap();
    put().condition_expression("attribute_not_exists(pk)").send().await.unwrap_err();

    assert_eq!(embedded.stream().read(100).unwrap().len(), 1);
}

#[tokio::test]
async fn reading_goes_on_after_the_checkpoint() {
    let (embedded, _) = memory();
    a_short_life(&embedded, "a").await;
    let stream = embedded.stream();
    let all = stream.read(100).unwrap();

    assert_eq!(stream.read(2).unwrap(), all[..2]);
    assert_eq!(stream.read(2).unwrap(), all[..2]);
    stream.checkpoint(&all[1].sequence).unwrap();

    assert_eq!(stream.read(100).unwrap(), all[2..]);
    assert_eq!(stream.read_after(&all[0].sequence, 100).unwrap(), all[1..]);
    assert!(stream.checkpoint("12").is_err());
}

#[tokio::test]
async fn the_checkpoint_survives_a_restart_and_so_do_the_records() {
    let dir = directory("stream");
    let open = || Embedded::open(&dir, specs(), ManualClock::at_noon().clock()).unwrap();
    let embedded = open();
    a_short_life(&embedded, "a").await;
    let all = embedded.stream().read(100).unwrap();
    embedded.stream().checkpoint(&all[0].sequence).unwrap();
    drop(embedded);

    let embedded = open();

    assert_eq!(embedded.stream().read(100).unwrap(), all[1..]);
}

#[tokio::test]
async fn trimming_deletes_what_is_checkpointed_and_no_more() {
    let dir = directory("trim");
    let embedded = Embedded::open(&dir, specs(), ManualClock::at_noon().clock()).unwrap();
    let stream = embedded.stream();
    for pk in ["a", "b"] {
        a_short_life(&embedded, pk).await;
    }
    let all = stream.read(100).unwrap();

    assert_eq!(stream.trim().unwrap(), 0);
    stream.checkpoint(&all[3].sequence).unwrap();
    assert_eq!(stream.trim().unwrap(), 4);
    assert_eq!(stream.read(100).unwrap(), all[4..]);
    // The newest stays although it is done with: numbers go on from it.
    stream.checkpoint(&all[5].sequence).unwrap();
    assert_eq!(stream.trim().unwrap(), 1);
    assert!(stream.read(100).unwrap().is_empty());
    a_short_life(&embedded, "c").await;
    assert_eq!(stream.read(100).unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_write_wakes_who_waits_for_it_and_a_read_does_not() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());
    let written = embedded.stream().written();

    client.get_item().table_name(TABLE).set_key(Some(key("a", "1"))).send().await.unwrap();
    assert!(!written.has_changed().unwrap());
    client.put_item().table_name(TABLE).set_item(Some(item("a", "1", &[]))).send().await.unwrap();

    assert!(written.has_changed().unwrap());
}
