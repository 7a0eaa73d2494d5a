//! The queues, without the SQS operations on top.

use embedded::{EmbeddedError, NewMessage, QueueError, QueueSpec, Queues};

use super::support::{ManualClock, NOON, directory, specs};

/// The queues in memory at noon.
fn queues() -> (Queues, ManualClock) {
    let clock = ManualClock::at_noon();
    (Queues::memory(specs(), clock.clock()).unwrap(), clock)
}

/// A message with nothing but a body.
fn message(body: &str) -> NewMessage {
    NewMessage { body: body.to_owned(), ..NewMessage::default() }
}

/// A message of a group.
fn of_group(group: &str, body: &str) -> NewMessage {
    NewMessage { group: Some(group.to_owned()), ..message(body) }
}

/// What is received now, bodies only.
fn bodies(queues: &Queues, queue: &str, max: usize) -> Vec<String> {
    queues.receive(queue, max).unwrap().into_iter().map(|message| message.body).collect()
}

#[test]
fn a_received_message_is_hidden_until_its_timeout() {
    let (queues, clock) = queues();
    queues.send("work", message("a")).unwrap();

    assert_eq!(bodies(&queues, "work", 10), ["a"]);
    clock.pass(29);
    assert!(bodies(&queues, "work", 10).is_empty());
    assert_eq!(queues.next_visible_at("work").unwrap(), Some(NOON + 30_000));
    clock.pass(1);
    let again = queues.receive("work", 10).unwrap();

    assert_eq!((again[0].body.as_str(), again[0].receives), ("a", 2));
    assert_eq!((again[0].sent_at, again[0].first_received_at), (NOON, NOON));
}

#[test]
fn a_deleted_message_is_gone() {
    let (queues, clock) = queues();
    queues.send("work", message("a")).unwrap();

    let received = queues.receive("work", 1).unwrap();
    assert!(queues.delete("work", &received[0].receipt).unwrap());
    clock.pass(3600);

    assert_eq!(queues.depth("work").unwrap(), 0);
    assert!(!queues.delete("work", &received[0].receipt).unwrap());
}

#[test]
fn a_stale_receipt_does_not_delete_what_another_received() {
    let (queues, clock) = queues();
    queues.send("work", message("a")).unwrap();
    let slow = queues.receive("work", 1).unwrap().remove(0);
    clock.pass(31);
    let quick = queues.receive("work", 1).unwrap().remove(0);

    assert!(!queues.delete("work", &slow.receipt).unwrap());
    assert!(matches!(queues.change_visibility("work", &slow.receipt, 0), Err(QueueError::NotInFlight(_))));
    assert_eq!(queues.depth("work").unwrap(), 1);
    assert!(queues.delete("work", &quick.receipt).unwrap());
}

#[test]
fn a_receipt_does_not_reach_into_the_dead_letter_queue() {
    let (queues, clock) = queues();
    queues.send("work", message("a")).unwrap();
    let mut last = String::new();
    for _ in 0..3 {
        last = queues.receive("work", 1).unwrap().remove(0).receipt;
        clock.pass(31);
    }
    assert!(queues.receive("work", 1).unwrap().is_empty());

    assert!(!queues.delete("work", &last).unwrap());
    assert!(!queues.delete("work-dead", &last).unwrap());
    assert_eq!(queues.depth("work-dead").unwrap(), 1);
}

#[test]
fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    let (queues, clock) = queues();
    let mut wakes = queues.arrived("work-dead").unwrap();
    queues.send("work", message("poison")).unwrap();
    let mut ids = Vec::new();

    for _ in 0..3 {
        ids.push(queues.receive("work", 1).unwrap().remove(0).id);
        clock.pass(31);
    }
    assert!(bodies(&queues, "work", 1).is_empty());

    let dead = queues.receive("work-dead", 1).unwrap().remove(0);
    ids.push(dead.id.clone());
    assert_eq!((dead.body.as_str(), dead.receives, dead.sent_at), ("poison", 1, NOON));
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(wakes.has_changed().unwrap());
    wakes.mark_unchanged();
}

#[test]
fn a_delayed_message_waits_and_fifteen_minutes_is_the_most() {
    let (queues, clock) = queues();
    let delayed = |delay_s| NewMessage { delay_s, ..message("late") };

    queues.send("work", delayed(900)).unwrap();
    assert!(matches!(queues.send("work", delayed(901)), Err(QueueError::Invalid(_))));
    assert!(matches!(queues.send("work", delayed(-1)), Err(QueueError::Invalid(_))));
    assert_eq!(queues.counts("work").unwrap(), (0, 0, 1));
    clock.pass(899);
    assert!(bodies(&queues, "work", 10).is_empty());
    clock.pass(1);

    assert_eq!(bodies(&queues, "work", 10), ["late"]);
}

#[test]
fn a_flood_of_one_group_does_not_keep_another_waiting() {
    let (queues, _) = queues();
    for n in 0..1000 {
        queues.send("work", of_group("flood", &format!("flood {n}"))).unwrap();
    }
    queues.send("work", of_group("quiet", "quiet 0")).unwrap();
    queues.send("work", of_group("quiet", "quiet 1")).unwrap();
    queues.send("work", message("ungrouped")).unwrap();

    let received = bodies(&queues, "work", 6);

    assert_eq!(received, ["flood 0", "quiet 0", "ungrouped", "flood 1", "quiet 1", "flood 2"]);
}

#[test]
fn turns_go_on_from_one_receive_to_the_next() {
    let (queues, _) = queues();
    for body in ["a0", "a1", "b0", "b1", "c0", "c1"] {
        queues.send("work", of_group(&body[..1], body)).unwrap();
    }

    let received: Vec<String> = (0..6).flat_map(|_| bodies(&queues, "work", 1)).collect();

    assert_eq!(received, ["a0", "b0", "c0", "a1", "b1", "c1"]);
}

#[test]
fn visibility_can_be_prolonged_and_given_up() {
    let (queues, clock) = queues();
    queues.send("work", message("a")).unwrap();
    let received = queues.receive("work", 1).unwrap().remove(0);

    queues.change_visibility("work", &received.receipt, 100).unwrap();
    clock.pass(99);
    assert!(bodies(&queues, "work", 1).is_empty());
    queues.change_visibility("work", &received.receipt, 0).unwrap();

    assert_eq!(bodies(&queues, "work", 1), ["a"]);
    assert!(matches!(
        queues.change_visibility("work", &received.receipt, 43_201),
        Err(QueueError::Invalid(_))
    ));
}

#[test]
fn messages_are_kept_for_fourteen_days() {
    let (queues, clock) = queues();
    queues.send("work", message("old")).unwrap();
    clock.pass(14 * 86_400);
    assert_eq!(bodies(&queues, "work", 1), ["old"]);
    clock.pass(61);

    assert!(bodies(&queues, "work", 1).is_empty());
    assert_eq!(queues.depth("work").unwrap(), 0);
}

#[test]
fn undeclared_queues_and_made_up_receipts_are_refused() {
    let (queues, _) = queues();
    let lost = QueueSpec { dead_letter: Some("nowhere".to_owned()), ..specs().remove(1) };

    assert!(matches!(queues.send("wrok", message("a")), Err(QueueError::NoQueue(_))));
    assert!(matches!(queues.delete("work", "made-up"), Err(QueueError::BadReceipt(_))));
    let refused = Queues::memory(vec![lost], ManualClock::at_noon().clock());
    assert!(matches!(refused.err(), Some(EmbeddedError::UnknownDeadLetter { .. })));
}

#[test]
fn queue_survives_a_restart_and_what_was_in_flight_comes_again_at_once() {
    let dir = directory("queue");
    let clock = ManualClock::at_noon();
    let open = || Queues::open(&dir.join("queue.sqlite"), specs(), clock.clock()).unwrap();
    let queues = open();
    queues.send_all("work", &[message("a"), message("b")]).unwrap();
    let before = queues.receive("work", 1).unwrap().remove(0);
    drop(queues);

    let queues = open();

    assert_eq!(queues.counts("work").unwrap(), (2, 0, 0));
    let after = queues.receive("work", 10).unwrap();
    let again = after.iter().find(|message| message.id == before.id).unwrap();
    assert_eq!((after.len(), again.body.as_str()), (2, "a"));
    assert_eq!(again.receives, 1, "a receive that ended with its process does not count");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_asks_first_misses_no_message() {
    let (queues, _) = queues();
    let mut wakes = queues.arrived("work").unwrap();

    assert!(queues.receive("work", 1).unwrap().is_empty());
    queues.send("work", message("between look and wait")).unwrap();

    let woken = tokio::time::timeout(std::time::Duration::from_secs(1), wakes.changed()).await;
    assert!(woken.is_ok());
}
