//! Episodes of one deduplication key, whose events arrive in any order.

use domain::alert::AlertState;
use domain::{Actor, Timestamp};
use jiff::SignedDuration;
use machine::Stateful;
use testing::bundle::Bundle;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

/// A time in tenths of a second after the beginning.
fn tenths(begin: Timestamp, n: i64) -> Timestamp {
    begin + SignedDuration::from_millis(n * 100)
}

/// An alert of the key with a text, a start and perhaps an end.
fn said(bundle: &Bundle, words: &str, starts: Timestamp, ends: Option<Timestamp>) -> Alert {
    let alert = Alert::now(bundle, words);
    Alert { fingerprint: "one".to_owned(), starts, ends, ..alert }
}

/// The text of an alert as stored.
async fn words(bundle: &Bundle, alert: domain::id::AlertId) -> String {
    bundle.calm.store.alert_body(bundle.org, alert).await.unwrap().unwrap().title
}

#[test]
fn earliest_beginning_newest_words_and_latest_end_win() {
    tell(|| async {
        let bundle = calm().await;
        bundle.pass(60).await;
        let begin = bundle.now() - SignedDuration::from_secs(10);
        let at = |n| tenths(begin, n);
        let send = async |words: &str, starts, ends: Option<i64>| {
            bundle.pass(1).await;
            assert!(bundle.deliver(&[said(&bundle, words, at(starts), ends.map(at))]).await);
            bundle.pass(1).await;
        };

        send("v0", 11, None).await;
        send("v0", 10, None).await;
        send("v1", 20, None).await;
        assert_eq!(ledger(&bundle).await.alerts[0].started_at, at(10), "the earliest beginning");
        send("v2", 15, None).await;
        let id = ledger(&bundle).await.alerts[0].id;
        assert_eq!(words(&bundle, id).await, "v2", "the words that came last");

        send("v2", 30, Some(45)).await;
        send("v3", 29, Some(48)).await;
        send("v3", 29, Some(41)).await;
        let over = ledger(&bundle).await.alerts.remove(0);
        assert_eq!((over.started_at, over.resolved_at), (at(10), Some(at(48))), "the latest end");
        assert_eq!(over.head().state(), AlertState::Resolved);

        send("v3", 52, None).await;
        let mut alerts = ledger(&bundle).await.alerts;
        alerts.sort_by_key(|alert| alert.started_at);
        assert_eq!(alerts.iter().map(|alert| alert.started_at).collect::<Vec<_>>(), [at(10), at(52)]);
        assert_eq!(paged(&bundle).len(), 2, "once for each episode");
    });
}

#[test]
fn two_senders_of_one_alert_that_differ_in_its_beginning_cost_no_more_than_one() {
    tell(|| async {
        let bundle = calm().await;
        bundle.pass(60).await;
        let begin = bundle.now();
        let (first, second) =
            (said(&bundle, "fire", begin, None), said(&bundle, "fire", tenths(begin, 5), None));
        bundle.pass(1).await;
        for alert in [&first, &second] {
            bundle.deliver(std::slice::from_ref(alert)).await;
            bundle.pass(30).await;
        }

        let before = bundle.calm.store.alert_body(bundle.org, ledger(&bundle).await.alerts[0].id).await;
        for _ in 0..4 {
            bundle.deliver(std::slice::from_ref(&first)).await;
            bundle.deliver(std::slice::from_ref(&second)).await;
            bundle.pass(30).await;
        }

        let after = bundle.calm.store.alert_body(bundle.org, ledger(&bundle).await.alerts[0].id).await;
        assert_eq!(before.unwrap(), after.unwrap(), "nothing was written anew");
        assert_eq!(paged(&bundle).len(), 1);
    });
}

#[test]
fn each_key_pages_once_with_its_first_words() {
    tell(|| async {
        let bundle = calm().await;
        let of = |key: &str, words: &str| Alert { fingerprint: key.to_owned(), ..Alert::now(&bundle, words) };

        for alert in
            [of("a", "hello"), of("a", "hello"), of("b", "goodbye"), of("foo", "hello"), of("foo", "hello2")]
        {
            bundle.deliver(&[alert]).await;
            bundle.pass(5).await;
        }

        let titles: Vec<String> = bundle.inbox.arrived().into_iter().map(|page| page.title).collect();
        assert_eq!(titles, ["hello", "goodbye", "hello"]);
    });
}

#[test]
fn close_of_a_key_that_was_never_opened_is_accepted_and_creates_nothing() {
    tell(|| async {
        let bundle = calm().await;

        assert!(bundle.deliver(&[Alert::now(&bundle, "fire").over(&bundle)]).await, "refused");
        bundle.pass(60).await;

        let found = ledger(&bundle).await;
        assert_eq!((found.alerts.len(), found.escalations.len(), found.incidents.len()), (0, 0, 0));
        assert!(paged(&bundle).is_empty());
    });
}

#[test]
fn end_that_came_by_hand_is_not_moved_by_its_source() {
    tell(|| async {
        let bundle = calm().await;
        let alert = Alert::now(&bundle, "fire");
        bundle.deliver(std::slice::from_ref(&alert)).await;
        bundle.pass(30).await;
        let id = ledger(&bundle).await.alerts[0].id;
        let (store, by) = (&bundle.calm.store, Actor::system(bundle.org, "story"));
        let ended = app::alert::resolve::resolve(store, &by, id, bundle.now()).await.unwrap().resolved_at;
        bundle.pass(30).await;

        bundle.deliver(&[alert.over(&bundle)]).await;
        bundle.pass(5).await;

        assert_eq!(ledger(&bundle).await.alerts[0].resolved_at, ended);
    });
}

#[test]
fn group_that_is_sent_again_pages_only_for_who_is_new_in_it_and_its_end_pages_nobody() {
    tell(|| async {
        let bundle = calm().await;
        let [one, two, three, four] = ["1", "2", "3", "4"].map(|name| Alert::now(&bundle, name));
        let told = async |alerts: &[Alert]| {
            assert!(bundle.deliver(alerts).await);
            bundle.pass(30).await;
            paged(&bundle).len()
        };
        // Acknowledged, so that the next notification is for the next episode.
        let acknowledged = async || {
            let by = Actor::system(bundle.org, "story");
            for escalation in ledger(&bundle).await.escalations {
                let (store, now) = (&bundle.calm.store, bundle.now());
                app::escalation::respond::acknowledge(store, &by, escalation.id, now).await.unwrap();
            }
        };
        let silent = Alert::now(&bundle, "never fired").over(&bundle);

        assert_eq!(told(&[silent]).await, 0, "only over, and nobody knows of it");
        let first = [one.clone(), two.clone(), three.clone()];
        assert_eq!(told(&first).await, 3);
        acknowledged().await;
        let next = [two.clone(), three.clone(), four.clone()];
        assert_eq!(told(&next).await, 4, "one is new; the one that is missing is not over for that");
        acknowledged().await;
        bundle.pass(9 * 60).await;
        assert_eq!(told(&next).await, 4, "the same, nine minutes later");
        bundle.pass(2 * 60).await;
        assert_eq!(told(&next).await, 4, "and eleven");

        let over = [one, two, three, four].map(|alert| alert.over(&bundle));
        assert_eq!(told(&over).await, 4, "the end pages nobody");
        assert_eq!(told(&over).await, 4, "nor does it the second time");
        let states: Vec<_> = ledger(&bundle).await.alerts.iter().map(|alert| alert.head().state()).collect();
        assert_eq!(states, [AlertState::Resolved; 4]);
        bundle.stop().await;
    });
}
