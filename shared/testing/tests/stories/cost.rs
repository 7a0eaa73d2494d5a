//! The calls and units of the functions: counted, not timed.

use embedded::{Service, Snapshot, UnitKind, UnitTarget};
use testing::bundle::Bundle;
use testing::cost::{CostItem, PAGED_S, SETTLED_S, duplicate, idle, in_a_story, known, new_alert, steady};
use testing::sender::Alert;

use crate::stage::{calm, tell};

/// Counts the calls of an action and of everything that it causes.
async fn cost(bundle: &Bundle, alerts: &[Alert], settled: u64) -> Snapshot {
    // The sweep is counted separately: this stays between two sweeps.
    let before = bundle.counts.snapshot();
    assert!(bundle.deliver(alerts).await);
    bundle.pass(settled).await;
    bundle.counts.snapshot().since(&before)
}

/// A bundle whose functions have read their configuration, between two sweeps.
async fn warm() -> Bundle {
    let bundle = calm().await;
    steady(&bundle, "warm").await.unwrap();
    bundle
}

fn calls(cost: &Snapshot, service: Service) -> u64 {
    cost.requests.iter().filter(|((of, _), _)| *of == service).map(|(_, calls)| calls).sum()
}

#[test]
fn duplicate_costs_one_queue_send_and_one_conditional_update_without_a_read() {
    tell(|| async {
        let bundle = warm().await;
        let alert = Alert::now(&bundle, "fire");
        known(&bundle, &alert).await;

        let cost = cost(&bundle, &[alert], SETTLED_S).await;

        println!("duplicate: {cost:?}");
        assert_eq!(calls(&cost, Service::Sqs), 1);
        assert_eq!(cost.requests.get(&(Service::DynamoDb, "UpdateItem".to_owned())), Some(&1));
        assert_eq!(calls(&cost, Service::DynamoDb), 1);
        assert_eq!(
            (cost.total(UnitKind::Write, UnitTarget::Table), cost.total(UnitKind::Write, UnitTarget::Index)),
            (1.0, 0.0)
        );
        assert_eq!(cost.total(UnitKind::Read, UnitTarget::Table), 0.0);
    });
}

#[test]
fn new_alert_with_incident_and_first_page_keeps_its_budget() {
    tell(|| async {
        let bundle = warm().await;

        let cost = cost(&bundle, &[Alert::now(&bundle, "fire")], PAGED_S).await;

        println!("new alert: {cost:?}");
        // Ten calls, and the second message of the notification: decision 15.
        assert!(cost.calls() <= 11, "{} calls", cost.calls());
        // The raw payload is not in the budget.
        let raw = 1.0;
        let written = cost.total(UnitKind::Write, UnitTarget::Table) - raw;
        assert!(written <= 20.0, "{written} write units beside the raw slice");
        let indexed = cost.total(UnitKind::Write, UnitTarget::Index);
        assert!(indexed <= 6.0, "{indexed} write units of indexes");
    });
}

#[test]
fn cost_stays_the_same_as_alerts_grow() {
    tell(|| async {
        let bundle = warm().await;
        let few = cost(&bundle, &[Alert::now(&bundle, "first")], PAGED_S).await;
        for n in 0..200 {
            bundle.deliver(&[Alert::now(&bundle, &format!("fire {n}"))]).await;
        }
        steady(&bundle, "warm again").await.unwrap();

        let many = cost(&bundle, &[Alert::now(&bundle, "last")], PAGED_S).await;

        assert_eq!(few.requests, many.requests);
        assert_eq!(few.units, many.units);
    });
}

#[test]
fn joining_a_group_costs_the_same_however_many_have_joined_and_pages_nobody() {
    tell(|| async {
        let bundle = calm().await;
        bundle.group_by("team", 3600).await.unwrap();
        let alert = |name: &str| Alert::now(&bundle, name).of("storage");
        steady(&bundle, "warm").await.unwrap();
        known(&bundle, &alert("first")).await;
        let few = cost(&bundle, &[alert("second")], SETTLED_S).await;
        for n in 0..100 {
            bundle.deliver(&[alert(&format!("fire {n}"))]).await;
        }
        steady(&bundle, "warm again").await.unwrap();

        let many = cost(&bundle, &[alert("last")], SETTLED_S).await;

        println!("joining: {many:?}");
        // The group's window is written every ten seconds at most: now it is due.
        let moved = |snapshot: &Snapshot| {
            snapshot.requests.get(&(Service::DynamoDb, "UpdateItem".to_owned())).copied().unwrap_or_default()
        };
        assert!(moved(&many) <= moved(&few) + 1);
        assert!(many.calls() <= few.calls() + 1, "{few:?} {many:?}");
        // Three reads of the group before it joins, and two more when its escalations are settled.
        assert!(many.calls() <= 13, "{} calls", many.calls());
        assert!(!many.requests.contains_key(&(Service::Sqs, "SendMessageBatch".to_owned())));
    });
}

#[test]
fn forged_and_malformed_requests_cost_one_read_a_source_and_five_seconds_at_most() {
    tell(|| async {
        let bundle = calm().await;
        // After the first sweep, and before the next.
        bundle.pass(5).await;
        let source = bundle.source();
        let send = |id: String, secret: &'static str| {
            let request = http::Request::post(format!("/v2/alert_events/alertmanager/{id}"))
                .header("authorization", format!("Bearer {secret}"))
                .body("{}".into())
                .unwrap();
            bundle.request(request)
        };
        let before = bundle.counts.snapshot();

        for _ in 0..50 {
            assert_eq!(send(source.to_string(), "forged").await.unwrap().status(), 401);
            assert_eq!(send("not-an-id".to_owned(), "forged").await.unwrap().status(), 404);
        }
        let once = bundle.counts.snapshot().since(&before).calls();
        bundle.pass(6).await;
        for _ in 0..50 {
            assert_eq!(send(source.to_string(), "forged").await.unwrap().status(), 401);
        }
        let twice = bundle.counts.snapshot().since(&before).calls();

        assert_eq!((once, twice), (1, 2));
    });
}

#[test]
fn idle_installation_costs_five_dollars_a_month_at_most() {
    let bill = in_a_story(idle()).unwrap();

    println!("{}", bill.show());
    assert!(bill.total() <= 5.0, "{}", bill.show());
    assert_eq!(bill.count(CostItem::WriteUnit), 0.0, "a write a minute without anything to do");
    assert!(bill.count(CostItem::ReadUnit) > 0.0, "the sweep was not counted");
}

#[test]
fn bills_are_of_what_was_counted() {
    let duplicate = in_a_story(duplicate()).unwrap();
    let new = in_a_story(new_alert()).unwrap();

    println!("{}{}", duplicate.show(), new.show());
    assert_eq!((duplicate.count(CostItem::WriteUnit), duplicate.count(CostItem::ReadUnit)), (1e6, 0.0));
    assert_eq!(duplicate.count(CostItem::QueueRequest), 3e6);
    let written = new.count(CostItem::WriteUnit) / 1e6;
    assert!((10.0..=27.0).contains(&written), "{written} write units a new alert");
    assert!(duplicate.total() < new.total());
}
