//! Tests of what one delivery means for its key.

use proptest::prelude::*;

use super::*;

fn second(n: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + n).unwrap()
}

fn event(n: u128) -> EventId {
    EventId::new(Timestamp::UNIX_EPOCH, n)
}

fn alert() -> AlertId {
    AlertId::new(Timestamp::UNIX_EPOCH, 1)
}

fn arrival(n: u128, status: AlertStatus, at: i64, received: i64, content: &str) -> EventFacts {
    EventFacts {
        event: event(n),
        status,
        at: second(at).min(second(received)),
        received_at: second(received),
        began: None,
        content: content.to_owned(),
    }
}

/// One whose sender says each time when it began.
fn begun(began: i64, arrival: EventFacts) -> EventFacts {
    EventFacts { began: Some(second(began).min(arrival.received_at)), ..arrival }
}

fn row(status: AlertStatus, at: i64, received: i64, alert: Option<AlertId>) -> KeyRow {
    KeyRow::after(None, &arrival(5, status, at, received, "a"), alert)
}

#[test]
fn each_event_is_decided_by_the_newest_one_known() {
    use AlertStatus::{Firing, Resolved};
    let open = || Some(row(Firing, 100, 101, Some(alert())));
    let over = || Some(row(Resolved, 200, 201, Some(alert())));
    let by_hand = || Some(row(Firing, 100, 101, Some(alert())).closed(second(201)));
    let again = || {
        let first = row(Firing, 100, 101, Some(alert()));
        Some(KeyRow::after(Some(&first), &arrival(8, Firing, 300, 301, "b"), Some(alert())))
    };
    let known = || Some(again().unwrap().with_end(second(150)));
    let tomb = || Some(row(Resolved, 200, 201, None));
    let cases = [
        ("first firing", None, arrival(9, Firing, 1, 1, "a"), Decision::Open),
        ("resolve never seen before", None, arrival(9, Resolved, 1, 1, "a"), Decision::Tombstone),
        ("same again", open(), arrival(9, Firing, 100, 130, "a"), Decision::Repeat),
        ("something new to say", open(), arrival(9, Firing, 100, 130, "b"), Decision::Update),
        ("older words late", open(), arrival(4, Firing, 90, 130, "b"), Decision::Stale),
        ("the same message twice", open(), arrival(5, Firing, 100, 101, "a"), Decision::Stale),
        ("resolve", open(), arrival(9, Resolved, 150, 151, "a"), Decision::Resolve(alert())),
        (
            "resolve that the next firing overtook",
            again(),
            arrival(9, Resolved, 150, 351, "a"),
            Decision::EndOvertaken(alert()),
        ),
        ("the same once more", known(), arrival(9, Resolved, 150, 351, "a"), Decision::Stale),
        ("resolve of an episode before", again(), arrival(9, Resolved, 50, 351, "a"), Decision::Stale),
        ("resolve older than the firing", open(), arrival(9, Resolved, 50, 151, "a"), Decision::Stale),
        (
            "resolve of a sender in 1970, long after",
            open(),
            arrival(9, Resolved, -1_800_000_000, 500, "a"),
            Decision::Resolve(alert()),
        ),
        ("fires again", over(), arrival(9, Firing, 300, 301, "a"), Decision::Open),
        ("old firing late", over(), arrival(9, Firing, 100, 210, "a"), Decision::Stale),
        (
            "old firing of its own time, received later",
            over(),
            arrival(9, Firing, 100, 502, "a"),
            Decision::Open,
        ),
        ("fires again as it did, in a minute", over(), arrival(9, Firing, 100, 261, "a"), Decision::Stale),
        ("fires again as it did, later", over(), arrival(9, Firing, 100, 262, "a"), Decision::Open),
        ("still fires at its source", by_hand(), arrival(9, Firing, 100, 500, "a"), Decision::Stale),
        ("still fires, long after", by_hand(), arrival(9, Firing, 100, 502, "a"), Decision::Open),
        (
            "firing some minutes after a tombstone",
            tomb(),
            arrival(9, Firing, 100, 501, "a"),
            Decision::OpenResolved,
        ),
        ("firing older than a tombstone", tomb(), arrival(9, Firing, 100, 210, "a"), Decision::OpenResolved),
        ("firing newer than a tombstone", tomb(), arrival(9, Firing, 201, 210, "a"), Decision::Open),
        ("firing long after a tombstone", tomb(), arrival(9, Firing, 100, 502, "a"), Decision::Open),
        ("resolved again, later", over(), arrival(9, Resolved, 220, 221, "a"), Decision::Tombstone),
        ("resolved again, earlier", over(), arrival(9, Resolved, 190, 221, "a"), Decision::Stale),
        (
            "other words, received later, of an earlier beginning",
            open(),
            begun(90, arrival(4, Firing, 90, 130, "b")),
            Decision::Update,
        ),
        (
            "the same words of an earlier beginning",
            open(),
            begun(90, arrival(9, Firing, 90, 130, "a")),
            Decision::Update,
        ),
        (
            "other words of an earlier beginning, received before",
            Some(KeyRow { since: Some(second(80)), ..open().unwrap() }),
            begun(90, arrival(4, Firing, 90, 99, "b")),
            Decision::Stale,
        ),
        (
            "the same words of a beginning that is known",
            Some(KeyRow { since: Some(second(90)), ..open().unwrap() }),
            begun(90, arrival(9, Firing, 90, 130, "a")),
            Decision::Stale,
        ),
        (
            "late words of an episode before",
            known(),
            begun(100, arrival(9, Firing, 100, 351, "c")),
            Decision::Stale,
        ),
        (
            "a later end of the same episode",
            over(),
            begun(100, arrival(9, Resolved, 220, 221, "a")),
            Decision::ResolvedLater(alert()),
        ),
        (
            "an end of an episode that was missed",
            over(),
            begun(210, arrival(9, Resolved, 220, 221, "a")),
            Decision::Tombstone,
        ),
        (
            "a source resolves an alert that somebody has resolved by hand",
            by_hand(),
            begun(100, arrival(9, Resolved, 220, 221, "a")),
            Decision::Tombstone,
        ),
    ];
    for (name, known, arrival, expected) in cases {
        assert_eq!(decide(known.as_ref(), &arrival), expected, "{name}");
    }
}

#[test]
fn sender_in_2099_is_held_to_the_time_of_reception() {
    let firing = arrival(9, AlertStatus::Firing, 2_000_000_000, 10, "a");

    assert_eq!(firing.at, second(10));
}

#[test]
fn earliest_beginning_and_latest_end_of_an_episode_are_kept() {
    use AlertStatus::{Firing, Resolved};
    let events = [
        begun(11, arrival(1, Firing, 11, 12, "v0")),
        begun(10, arrival(2, Firing, 10, 13, "v0")),
        begun(20, arrival(3, Firing, 20, 21, "v1")),
        begun(15, arrival(4, Firing, 15, 36, "v2")),
        begun(30, arrival(5, Resolved, 45, 46, "v2")),
        begun(29, arrival(6, Resolved, 48, 49, "v3")),
        begun(29, arrival(7, Resolved, 41, 50, "v3")),
        begun(52, arrival(8, Firing, 52, 53, "v3")),
    ];
    let (mut row, mut pages, mut told) = (None, 0, Vec::new());
    for event in &events {
        row = apply(row, event, &mut pages);
        let row = row.as_ref().unwrap();
        told.push((row.since.map(Timestamp::as_second), row.over_at.map(Timestamp::as_second)));
    }

    let at = |n: i64| Some(second(n).as_second());
    assert_eq!(told[..4], [(at(11), None), (at(10), None), (at(10), None), (at(10), None)]);
    assert_eq!(told[4..], [(None, at(45)), (None, at(48)), (None, at(48)), (at(52), at(48))]);
    assert_eq!(pages, 2);
}

/// Applies decisions to a row, as the store does, and counts the pages.
fn apply(known: Option<KeyRow>, arrival: &EventFacts, pages: &mut usize) -> Option<KeyRow> {
    match decide(known.as_ref(), arrival) {
        Decision::Open => {
            *pages += 1;
            Some(KeyRow::after(known.as_ref(), arrival, Some(alert())))
        }
        Decision::OpenResolved => {
            let row = known.unwrap();
            Some(KeyRow { alert: Some(alert()), version: row.version + 1, ..row })
        }
        Decision::Tombstone
        | Decision::Repeat
        | Decision::Update
        | Decision::Resolve(_)
        | Decision::ResolvedLater(_) => {
            let alert = known.as_ref().and_then(|row| row.alert);
            Some(KeyRow::after(known.as_ref(), arrival, alert))
        }
        Decision::EndOvertaken(_) => Some(known.unwrap().with_end(arrival.at)),
        Decision::HoldFlapping(_) => Some(known.unwrap().held(arrival)),
        Decision::Stale => known,
    }
}

proptest! {
    /// Whatever the order and however often each comes, the newest event decides how it ends.
    #[test]
    fn newest_event_decides_the_end(
        statuses in proptest::collection::vec(any::<bool>(), 1..8),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 1..30),
    ) {
        let events: Vec<EventFacts> = statuses
            .iter()
            .enumerate()
            .map(|(n, firing)| {
                let status = if *firing { AlertStatus::Firing } else { AlertStatus::Resolved };
                let time = i64::try_from(n).unwrap();
                arrival(n as u128, status, time, time, "a")
            })
            .collect();
        let mut row = None;
        let mut pages = 0;
        let mut seen = Vec::new();
        for index in &order {
            let event = index.get(&events);
            seen.push(event.clone());
            row = apply(row, event, &mut pages);
        }
        let newest = seen.iter().max_by_key(|event| event.at).unwrap();
        let row = row.unwrap();
        let says = if row.is_held() { AlertStatus::Resolved } else { row.status };
        prop_assert_eq!(says, newest.status);
        if newest.status == AlertStatus::Firing {
            prop_assert!(pages > 0, "a firing that nothing newer ended was never paged");
        }
    }

    /// The same events again change nothing and page nobody.
    #[test]
    fn repeating_every_event_changes_nothing(statuses in proptest::collection::vec(any::<bool>(), 1..8)) {
        let events: Vec<EventFacts> = statuses
            .iter()
            .enumerate()
            .map(|(n, firing)| {
                let status = if *firing { AlertStatus::Firing } else { AlertStatus::Resolved };
                let time = i64::try_from(n / 2).unwrap();
                arrival(n as u128, status, time, time, "a")
            })
            .collect();
        let mut row = None;
        let mut pages = 0;
        for event in &events {
            row = apply(row, event, &mut pages);
        }
        let (once, paged) = (row.clone(), pages);
        for event in &events {
            row = apply(row, event, &mut pages);
        }
        prop_assert_eq!(row, once);
        prop_assert_eq!(pages, paged);
    }
}

/// A key that has begun and ended four times, in as many minutes.
fn flapping() -> KeyRow {
    let mut row = None;
    for n in 0..4_i64 {
        let at = 60 * n;
        for (id, status, at) in [(1, AlertStatus::Firing, at), (2, AlertStatus::Resolved, at + 30)] {
            let event = u128::from(n.unsigned_abs()) * 2 + id;
            row = apply(row, &arrival(event, status, at, at, "a"), &mut 0);
        }
    }
    row.unwrap()
}

#[test]
fn end_that_is_held_back_goes_once_it_fires_and_counts_if_it_does_not() {
    let held = flapping();
    assert!(held.is_held());
    assert_eq!((held.status, held.over_at), (AlertStatus::Firing, Some(second(210))));

    let again = arrival(20, AlertStatus::Firing, 240, 240, "a");
    assert_eq!(decide(Some(&held), &again), Decision::Repeat);
    let fires = KeyRow::after(Some(&held), &again, held.alert);
    assert!(!fires.is_held());
    let end = arrival(21, AlertStatus::Resolved, 270, 270, "a");
    assert_eq!(decide(Some(&fires), &end), Decision::HoldFlapping(alert()));
    let steady = arrival(22, AlertStatus::Resolved, 811, 811, "a");
    assert_eq!(decide(Some(&fires), &steady), Decision::Resolve(alert()));

    let quiet = held.quiet();
    assert_eq!(
        (quiet.status, quiet.over_at, quiet.is_held()),
        (AlertStatus::Resolved, Some(second(210)), false)
    );
    assert_eq!(decide(Some(&quiet), &arrival(23, AlertStatus::Firing, 900, 900, "a")), Decision::Open);
}

#[test]
fn firing_that_began_before_a_held_end_clears_it_only_after_a_minute() {
    let held = flapping();
    let of = |received| decide(Some(&held), &arrival(1, AlertStatus::Firing, 180, received, "a"));

    assert_eq!((of(270), of(271)), (Decision::Stale, Decision::Repeat));
}
