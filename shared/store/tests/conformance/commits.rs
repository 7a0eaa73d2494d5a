//! What several items share: commits, marks, claims, indexes.

use domain::job::lease::Leased;
use domain::job::{Job, JobKind, NotificationJob};
use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::escalation::{Escalation, EscalationState};
use domain::id::SignInId;
use domain::notification::Notification;
use domain::sign_in::SignIn;
use futures_util::future::join_all;
use machine::{CommitError, Stateful, Transition};
use store::{Claimed, Commit, Order, Store};

use crate::samples::{alert, at, escalation, notification, org, trace};
use crate::subject::Subject;

pub(crate) async fn commit(subject: &Subject, commit: Commit) {
    subject.store.commit(commit).await.unwrap();
}

/// An escalation that was stored.
pub(crate) async fn begun(subject: &Subject, number: u128) -> Escalation {
    let begin = escalation(number);
    let escalation = begin.after().clone();
    commit(subject, Commit::new().transition(begin)).await;
    escalation
}

async fn read(subject: &Subject, escalation: &Escalation) -> Escalation {
    subject.store.escalation(escalation.org, escalation.id).await.unwrap().unwrap()
}

pub(crate) fn acknowledge(escalation: &Escalation, by: &str) -> Transition<Escalation> {
    let step = escalation.transition_to(EscalationState::Acked, at(60)).unwrap();
    step.because(by, "on it").with(|escalation| escalation.due = None)
}

pub(crate) async fn creation_is_written_once(subject: &Subject) {
    let created = begun(subject, 1).await;

    let again = subject.store.commit(Commit::new().transition(escalation(1))).await;

    assert!(matches!(again, Err(CommitError::Conflict)), "{again:?}");
    let stored = read(subject, &created).await;
    assert_eq!((stored.head().state(), stored.head().version()), (EscalationState::Triggered, 1));
}

pub(crate) async fn change_is_written_with_its_history(subject: &Subject) {
    let created = begun(subject, 1).await;

    commit(subject, Commit::new().transition(acknowledge(&created, "user:ada"))).await;

    let (history, _) = subject.store.escalation_story(created.org, created.id).await.unwrap();
    let rows: Vec<_> = history
        .iter()
        .map(|row| (row.version, row.from.as_deref(), row.to.as_str(), row.by.as_str()))
        .collect();
    assert_eq!(rows, [(1, None, "triggered", "test"), (2, Some("triggered"), "acked", "user:ada")]);
    let stored = read(subject, &created).await;
    assert_eq!((stored.head().version(), stored.due), (2, None), "what the step removed is gone");
}

pub(crate) async fn second_of_two_writers_conflicts(subject: &Subject) {
    let created = begun(subject, 1).await;
    let (first, second) = (acknowledge(&created, "user:ada"), acknowledge(&created, "user:grace"));

    commit(subject, Commit::new().transition(first)).await;
    let refused = subject.store.commit(Commit::new().transition(second)).await;

    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    let (history, _) = subject.store.escalation_story(created.org, created.id).await.unwrap();
    assert_eq!(history.len(), 2, "nothing is left of the second");
}

pub(crate) async fn one_of_many_racing_transitions_wins(subject: &Subject) {
    let created = begun(subject, 1).await;
    let write = async |number: usize| {
        let step = acknowledge(&created, &format!("user:{number}"));
        subject.store.commit(Commit::new().transition(step)).await
    };

    let outcomes = join_all((0..10).map(write)).await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    for outcome in &outcomes {
        assert!(matches!(outcome, Ok(()) | Err(CommitError::Conflict)), "{outcome:?}");
    }
}

pub(crate) async fn commit_of_several_things_is_written_whole_or_not_at_all(subject: &Subject) {
    let (first, second) = (begun(subject, 1).await, begun(subject, 2).await);
    commit(subject, Commit::new().transition(acknowledge(&second, "user:grace"))).await;

    let both = Commit::new()
        .transition(acknowledge(&first, "user:ada"))
        .transition(acknowledge(&second, "user:ada"))
        .transition(notification(&first, "000-000-00"));
    let refused = subject.store.commit(both).await;

    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    assert_eq!(read(subject, &first).await.head().state(), EscalationState::Triggered);
    assert!(stored_notification(subject, &first).await.is_none());
}

pub(crate) async fn attribute_of_a_newer_version_stays(subject: &Subject) {
    let created = begun(subject, 1).await;
    let found = subject.client.query().table_name(&subject.table).key_condition_expression("pk = :pk");
    let pk = format!("{}#ESCALATION#{}", created.org, created.id);
    let found = found.expression_attribute_values(":pk", AttributeValue::S(pk)).consistent_read(true);
    let head = found.clone().send().await.unwrap().items.unwrap().remove(0);
    let key = [("pk", head["pk"].clone()), ("sk", head["sk"].clone())];
    let key = key.map(|(name, value)| (name.to_owned(), value)).into();
    let update = subject.client.update_item().table_name(&subject.table).set_key(Some(key));
    let update = update.update_expression("SET of_a_later_version = :value");
    let value = AttributeValue::N("1".to_owned());
    update.expression_attribute_values(":value", value.clone()).send().await.unwrap();

    commit(subject, Commit::new().transition(acknowledge(&created, "user:ada"))).await;

    let head = found.send().await.unwrap().items.unwrap().remove(0);
    assert_eq!(
        (&head["state"], &head["of_a_later_version"]),
        (&AttributeValue::S("acked".to_owned()), &value)
    );
}

async fn stored_notification(subject: &Subject, escalation: &Escalation) -> Option<Notification> {
    subject.store.notification(escalation.org, escalation.id, "000-000-00").await.unwrap()
}

/// An escalation with a notification that was claimed for sending.
async fn claimed(subject: &Subject) -> Notification {
    let escalation = begun(subject, 1).await;
    commit(subject, Commit::new().transition(notification(&escalation, "000-000-00"))).await;
    let waiting = stored_notification(subject, &escalation).await.unwrap();
    assert_eq!(subject.store.claim(waiting.claim(at(1)).unwrap()).await.unwrap(), Claimed::Ours);
    stored_notification(subject, &escalation).await.unwrap()
}

pub(crate) async fn mark_goes_on_from_what_was_read(subject: &Subject) {
    let sending = claimed(subject).await;

    commit(subject, Commit::new().transition(sending.delivered("taken", at(2)).unwrap())).await;
    let refused =
        subject.store.commit(Commit::new().transition(sending.failed("no such user", at(3)).unwrap())).await;

    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    let stored =
        subject.store.notification(sending.org, sending.escalation, &sending.id).await.unwrap().unwrap();
    assert_eq!((stored.head().version(), stored.attempts.due), (3, None));
    assert_eq!(stored.attempts.log.last().map(|entry| entry.why.as_str()), Some("taken"));
}

pub(crate) async fn page_is_claimed_once_and_only_while_somebody_is_paged(subject: &Subject) {
    let escalation = begun(subject, 1).await;
    commit(subject, Commit::new().transition(notification(&escalation, "000-000-00"))).await;
    commit(subject, Commit::new().transition(notification(&escalation, "000-000-01"))).await;
    let waiting = stored_notification(subject, &escalation).await.unwrap();
    let late =
        subject.store.notification(escalation.org, escalation.id, "000-000-01").await.unwrap().unwrap();
    let claim = async |notification: &Notification| {
        subject.store.claim(notification.claim(at(1)).unwrap()).await.unwrap()
    };

    assert_eq!(claim(&waiting).await, Claimed::Ours);
    assert_eq!(claim(&waiting).await, Claimed::Theirs);
    commit(subject, Commit::new().transition(acknowledge(&escalation, "user:ada"))).await;
    assert_eq!(claim(&late).await, Claimed::Void);

    let late =
        subject.store.notification(escalation.org, escalation.id, "000-000-01").await.unwrap().unwrap();
    assert_eq!(late.head().version(), 1, "a refused claim writes nothing");
}

/// Everything that is due until a time, in all shards.
async fn due(subject: &Subject, seconds: i64) -> Vec<Job> {
    let mut found = Vec::new();
    for shard in 0..Store::due_shards() {
        found.extend(
            subject
                .store
                .due_until(shard, at(seconds))
                .await
                .unwrap()
                .into_iter()
                .map(|row| row.job.unwrap()),
        );
    }
    found
}

/// Waits until the index has caught up with the table.
async fn until_due(subject: &Subject, seconds: i64, expected: usize) -> Vec<Job> {
    for _ in 0..50 {
        let found = due(subject, seconds).await;
        if found.len() == expected {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{:?} is due, which is not {expected} rows", due(subject, seconds).await)
}

pub(crate) async fn due_rows_are_found_until_they_are_done(subject: &Subject) {
    let escalation = begun(subject, 1).await;
    commit(subject, Commit::new().transition(notification(&escalation, "000-000-00"))).await;
    let id = SignInId::new(at(0), 4);
    let asked = SignIn::asked(id, "ada@example.com".to_owned(), trace()).unwrap();
    commit(subject, Commit::new().transition(asked)).await;

    // The notification and the link now, the level after five minutes.
    let kinds: BTreeSet<JobKind> = until_due(subject, 1, 2).await.iter().map(Job::kind).collect();
    assert_eq!(kinds, BTreeSet::from([JobKind::Notification, JobKind::SignInMail]));
    until_due(subject, 301, 3).await;
    // A claim keeps its place in the index: whoever claimed it may never come back.
    let waiting = stored_notification(subject, &escalation).await.unwrap();
    subject.store.claim(waiting.claim(at(1)).unwrap()).await.unwrap();
    until_due(subject, 301, 3).await;

    let sending = stored_notification(subject, &escalation).await.unwrap();
    commit(subject, Commit::new().transition(sending.delivered("taken", at(2)).unwrap())).await;
    commit(subject, Commit::new().transition(acknowledge(&escalation, "user:ada"))).await;

    assert_eq!(until_due(subject, 301, 1).await, [NotificationJob::SignInMail { id }.into()]);
}

pub(crate) async fn list_shows_the_newest_first_and_goes_on(subject: &Subject) {
    for number in 1..=30 {
        commit(subject, Commit::new().transition(alert(number))).await;
    }
    let page = async |before: Option<&str>| {
        let listed = subject.store.list_alerts(org(), before, 7).await.unwrap();
        listed.into_iter().map(|listed| (listed.id, listed.state, listed.title)).collect::<Vec<_>>()
    };

    let mut all = Vec::new();
    for _ in 0..50 {
        let (mut seen, mut before) = (Vec::new(), None::<String>);
        loop {
            let next = page(before.as_deref()).await;
            let Some((last, ..)) = next.last() else { break };
            before = Some(last.clone());
            seen.extend(next);
        }
        all = seen;
        if all.len() == 30 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }

    let titles: Vec<_> = all.iter().map(|(_, _, title)| title.clone()).collect();
    assert_eq!(titles, (1..=30).rev().map(|number| format!("Disk {number} is full")).collect::<Vec<_>>());
    assert!(all.iter().all(|(_, state, _)| state == "firing"));
    let ids: BTreeSet<_> = all.iter().map(|(id, ..)| id).collect();
    assert_eq!(ids.len(), 30, "none is listed twice");
    let none = subject.store.list_incidents_by(org(), Order::Newest, None, 7).await.unwrap();
    assert!(none.is_empty(), "what is of another kind is listed elsewhere");
}
