//! The other writes of the store, each with its condition.

use std::collections::BTreeSet;

use domain::alert::expiry::Expiry;
use domain::alert::group::GroupRow;
use domain::alert::key::{EventFacts, KeyRow};
use domain::alert::{Alert, AlertStatus};
use domain::id::{AlertId, IncidentId, UserId};
use domain::session::Session;
use domain::sign_in::SignInPerson;
use domain::source::heartbeat::{Heartbeat, HeartbeatState, PingSchedule};
use domain::source::pinned_topic::PinnedTopic;
use domain::source::{DraftSample, RateWindow, WithoutAlert};
use futures_util::future::join_all;
use jiff::SignedDuration;
use machine::{CommitError, Stateful};
use store::{Commit, IdempotentKind, KeyTouch, Pinged};

use crate::samples::{alert, at, event, key_row, org, source, trace};
use crate::subject::Subject;

const KEY: &str = "the hash of a key";

async fn commit(subject: &Subject, commit: Commit) {
    subject.store.commit(commit).await.unwrap();
}

/// Writes what is known of the key.
async fn write_key(subject: &Subject, known: Option<&KeyRow>, row: &KeyRow) -> Result<(), CommitError> {
    subject.store.commit(Commit::new().key(org(), source(), KEY, known, row, at(0))).await
}

async fn touch(subject: &Subject, facts: &EventFacts) -> KeyTouch {
    subject.store.touch_key(org(), source(), KEY, facts).await.unwrap()
}

async fn read_key(subject: &Subject) -> KeyRow {
    subject.store.key(org(), source(), KEY).await.unwrap().unwrap()
}

pub(crate) async fn key_is_touched_only_by_what_repeats_it(subject: &Subject) {
    let first = event(1, AlertStatus::Firing, 0, "97 %");
    assert_eq!(touch(subject, &first).await, KeyTouch::Row(None), "nothing is known of it");
    write_key(subject, None, &key_row(&first)).await.unwrap();

    let repeated = event(2, AlertStatus::Firing, 60, "97 %");
    assert_eq!(touch(subject, &repeated).await, KeyTouch::Repeated);
    let row = read_key(subject).await;
    assert_eq!((row.count, row.version, row.event, row.at), (2, 2, repeated.event, at(60)));

    // What comes twice, what is older, what says something else and what ends it are decided on.
    for facts in [
        repeated.clone(),
        event(3, AlertStatus::Firing, 30, "97 %"),
        event(4, AlertStatus::Firing, 90, "98 %"),
        event(5, AlertStatus::Resolved, 90, "97 %"),
    ] {
        assert_eq!(touch(subject, &facts).await, KeyTouch::Row(Some(Box::new(row.clone()))), "{facts:?}");
    }
    assert_eq!(read_key(subject).await, row);
}

pub(crate) async fn key_is_written_on_what_was_decided(subject: &Subject) {
    let first = event(1, AlertStatus::Firing, 0, "97 %");
    let row = key_row(&first);
    write_key(subject, None, &row).await.unwrap();
    assert!(
        matches!(write_key(subject, None, &row).await, Err(CommitError::Conflict)),
        "it is there already"
    );

    let end = event(2, AlertStatus::Resolved, 60, "97 %");
    let over = KeyRow::after(Some(&row), &end, row.alert);
    // Meanwhile it was repeated.
    touch(subject, &event(3, AlertStatus::Firing, 30, "97 %")).await;
    assert!(matches!(write_key(subject, Some(&row), &over).await, Err(CommitError::Conflict)));

    let known = read_key(subject).await;
    let over = KeyRow::after(Some(&known), &end, known.alert);
    write_key(subject, Some(&known), &over).await.unwrap();
    assert_eq!(read_key(subject).await, over);
}

pub(crate) async fn ping_counts_while_the_job_is_healthy(subject: &Subject) {
    let ping = async |seconds| subject.store.ping(org(), source(), at(seconds)).await.unwrap();
    assert!(matches!(ping(0).await, Pinged::Known(None)), "it was never heard of");
    let schedule = PingSchedule { interval_s: 60, grace_s: 0, threshold: 1 };
    let first = Heartbeat::first((org(), source()), &schedule, trace(), at(0)).unwrap();
    commit(subject, Commit::new().transition(first)).await;

    assert!(matches!(ping(30).await, Pinged::Counted));
    let job = subject.store.heartbeat(org(), source()).await.unwrap().unwrap();
    assert_eq!((job.last_ping_at, job.head().version()), (at(30), 2));
    // Whoever decided before the ping conflicts.
    let stale = Heartbeat { head: machine::Head::stored(HeartbeatState::Healthy, 1), ..job.clone() };
    let rest = stale.rest(false, at(60)).unwrap();
    assert!(matches!(subject.store.commit(Commit::new().transition(rest)).await, Err(CommitError::Conflict)));

    commit(subject, Commit::new().transition(job.rest(false, at(60)).unwrap())).await;
    let Pinged::Known(Some(idle)) = ping(90).await else { panic!("an idle job is begun again, not counted") };
    assert_eq!((idle.head().state(), idle.last_ping_at), (HeartbeatState::Idle, at(30)));
}

pub(crate) async fn expiry_moves_only_from_where_it_was(subject: &Subject) {
    let id = AlertId::new(at(0), 1);
    let expiry = Expiry::new(60, false, at(0));
    commit(subject, Commit::new().expiry(org(), id, &expiry)).await;
    let due = async || subject.store.expiry(org(), id).await.unwrap().map(|expiry| expiry.due);

    subject.store.move_expiry((org(), id), &expiry, at(120)).await.unwrap();
    assert_eq!(due().await, Some(at(120)));
    // It has moved meanwhile: this one was decided on what is no longer true, and changes nothing.
    subject.store.move_expiry((org(), id), &expiry, at(90)).await.unwrap();
    assert_eq!(due().await, Some(at(120)));

    subject.store.remove_expiry(org(), id).await.unwrap();
    assert_eq!(due().await, None);
    // What is gone does not come back.
    subject.store.move_expiry((org(), id), &expiry, at(180)).await.unwrap();
    subject.store.remove_expiry(org(), id).await.unwrap();
    assert_eq!(due().await, None);
}

fn group(version: u64, until: i64) -> GroupRow {
    let first = AlertId::new(at(0), u128::from(version));
    GroupRow { version, first, incident: None, escalations: Vec::new(), until: at(until) }
}

pub(crate) async fn group_moves_on_within_its_episode(subject: &Subject) {
    let (first, second) = (group(1, 60), group(2, 600));
    let read = async || subject.store.group(org(), KEY).await.unwrap().unwrap();
    commit(subject, Commit::new().group(org(), KEY, None, &first)).await;
    let twice = subject.store.commit(Commit::new().group(org(), KEY, None, &first)).await;
    assert!(matches!(twice, Err(CommitError::Conflict)), "{twice:?}");

    subject.store.move_group_on(org(), KEY, &first, at(90)).await.unwrap();
    assert_eq!(read().await.until, at(90));
    // It never moves back.
    subject.store.move_group_on(org(), KEY, &first, at(70)).await.unwrap();
    assert_eq!(read().await.until, at(90));

    commit(subject, Commit::new().group(org(), KEY, Some(&first), &second)).await;
    let stale = subject.store.commit(Commit::new().group(org(), KEY, Some(&first), &second)).await;
    assert!(matches!(stale, Err(CommitError::Conflict)), "{stale:?}");
    subject.store.move_group_on(org(), KEY, &first, at(900)).await.unwrap();
    assert_eq!(read().await, second, "what joined the episode before does not move the next one");
}

pub(crate) async fn members_of_a_group_leave_one_by_one(subject: &Subject) {
    let members: Vec<Alert> = (1..=2).map(|number| alert(number).after().clone()).collect();
    let first = members[0].id;
    let of_group = |alert: &Alert| Alert { group: Some(first), ..alert.clone() };
    let member = async || subject.store.member(org(), first).await.unwrap();
    for alert in &members {
        commit(subject, Commit::new().member(org(), first, alert.id)).await;
    }

    commit(subject, Commit::new().alert_over(&of_group(&members[0]))).await;
    assert_eq!(member().await, Some(members[1].id));
    commit(subject, Commit::new().alert_over(&of_group(&members[1]))).await;
    assert_eq!(member().await, None);
}

pub(crate) async fn window_is_full_after_its_last_place(subject: &Subject) {
    let window = |minute, shard: &str| RateWindow { minute, shard: shard.to_owned(), most: 3 };
    let place = (org(), source());
    let take = async |window: &RateWindow| subject.store.commit(Commit::new().window(place, window)).await;
    let first = window(1, "platform");

    let taken = join_all((0..3).map(|_| take(&first))).await;
    assert!(taken.iter().all(Result::is_ok), "{taken:?}");

    assert!(subject.store.is_full(place, &first).await.unwrap());
    assert!(matches!(take(&first).await, Err(CommitError::Conflict)));
    for other in [window(2, "platform"), window(1, "payments")] {
        assert!(!subject.store.is_full(place, &other).await.unwrap());
        take(&other).await.unwrap();
    }
}

pub(crate) async fn filtered_events_are_counted_by_the_day(subject: &Subject) {
    let place = (org(), source());
    let day = 24 * 3600;
    for (title, seconds) in [("first", 0), ("second", 60), ("the next day", day)] {
        subject.store.count_without_alert(place, WithoutAlert::Filtered, title, at(seconds)).await.unwrap();
    }

    let counted = subject.store.without_alert(place, WithoutAlert::Filtered, 10).await.unwrap();

    let counted: Vec<_> =
        counted.iter().map(|day| (day.count, day.last_title.as_str(), day.last_at)).collect();
    assert_eq!(counted, [(1, "the next day", at(day)), (2, "second", at(60))], "the newest day is first");
}

pub(crate) async fn sample_is_the_newest_event(subject: &Subject) {
    let sample = |title: &str, payload: &str| {
        let event = serde_json::from_str(&format!(
            r#"{{"status":"firing","deduplication_key":"k","title":"{title}","payload":{payload}}}"#
        ));
        DraftSample { received_at: at(0), event: event.unwrap() }
    };
    let payload = r#"{"big":123456789012345678901234567890,"small":1.50}"#;

    subject.store.put_sample((org(), source()), &sample("old", "{}")).await.unwrap();
    subject.store.put_sample((org(), source()), &sample("new", payload)).await.unwrap();
    // What an item does not hold is left out.
    let long = format!(r#""{}""#, "x".repeat(400_000));
    subject.store.put_sample((org(), source()), &sample("too long", &long)).await.unwrap();

    let kept = subject.store.sample(org(), source()).await.unwrap().unwrap();
    assert_eq!((kept.event.title.as_str(), kept.event.payload.get()), ("new", payload));
}

pub(crate) async fn limit_lets_through_as_many_as_it_says(subject: &Subject) {
    let ask = async |what: &str, seconds| {
        let limit = (3, SignedDuration::from_mins(15));
        subject.store.may_once_more(what, limit, at(seconds)).await.unwrap()
    };

    let first = join_all((0..5).map(|_| ask("ada@example.com", 0))).await;

    assert_eq!(first.iter().filter(|allowed| **allowed).count(), 3);
    assert!(ask("grace@example.com", 0).await, "each is counted apart");
    assert!(ask("ada@example.com", 16 * 60).await, "it begins anew after its time");
}

pub(crate) async fn incident_numbers_are_each_given_once(subject: &Subject) {
    let numbers = join_all((0..10).map(|_| subject.store.next_incident_number(org()))).await;

    let numbers: BTreeSet<u64> = numbers.into_iter().map(Result::unwrap).collect();
    assert_eq!(numbers.len(), 10);
    // A row that leads to nothing is nobody's.
    let number = *numbers.first().unwrap();
    subject.store.put_incident_number(org(), number, IncidentId::new(at(0), 1)).await.unwrap();
    assert!(subject.store.incident_by_number(org(), number).await.unwrap().is_none());
    assert!(subject.store.incident_by_number(org(), 999).await.unwrap().is_none());
}

pub(crate) async fn session_is_found_until_it_is_ended(subject: &Subject) {
    let whom = SignInPerson { org: org(), user: UserId::new(at(0), 1) };
    let session = Session::begin(whom, at(0));
    commit(subject, Commit::new().new_session("a token", &session)).await;
    let again = subject.store.commit(Commit::new().new_session("a token", &session)).await;
    assert!(matches!(again, Err(CommitError::Conflict)), "{again:?}");

    assert_eq!(subject.store.session("a token").await.unwrap(), Some(session));
    assert_eq!(subject.store.session("another token").await.unwrap(), None);
    commit(subject, Commit::new().without_session("a token")).await;
    assert_eq!(subject.store.session("a token").await.unwrap(), None);
}

pub(crate) async fn topic_that_is_pinned_first_stays(subject: &Subject) {
    let topic = |topic: &str, secret: &str| PinnedTopic {
        org: org(),
        source: source(),
        topic: topic.to_owned(),
        secret: secret.to_owned(),
        at: at(0),
    };
    let pin = async |pinned: &PinnedTopic| subject.store.pin(pinned).await.unwrap();
    let ours = topic("arn:ours", "secret");

    assert!(pin(&ours).await);
    assert!(pin(&ours).await, "it may ask again");
    assert!(!pin(&topic("arn:theirs", "secret")).await);
    assert_eq!(subject.store.pinned(source()).await.unwrap(), Some(ours));
    // With another secret the source knows no topic.
    let next = topic("arn:theirs", "another secret");
    assert!(pin(&next).await);
    assert_eq!(subject.store.pinned(source()).await.unwrap(), Some(next));
}

pub(crate) async fn client_key_finds_what_it_made(subject: &Subject) {
    let made = |id| Commit::new().made_by(org(), IdempotentKind::Incident, "a client's key", id);
    let id = IncidentId::new(at(0), 1);
    commit(subject, made(id)).await;

    let again = subject.store.commit(made(IncidentId::new(at(0), 2))).await;

    assert!(matches!(again, Err(CommitError::Conflict)), "{again:?}");
    let find = async |kind| subject.store.made_by::<IncidentId>(org(), kind, "a client's key").await.unwrap();
    assert_eq!(find(IdempotentKind::Incident).await, Some(id));
    assert_eq!(find(IdempotentKind::Escalation).await, None, "each kind has keys of its own");
}
