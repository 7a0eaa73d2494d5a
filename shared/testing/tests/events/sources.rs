//! Deliveries of alert sources.

use std::sync::LazyLock;

use domain::message::Queue;
use runtime::BoxFuture;
use testing::fixture::Fixture;
use testing::invoke::Invoked;

use super::{EventCase, Given};

/// The events that only some sources have.
pub(crate) const CASES: &[EventCase] = &[
    EventCase { event: "alert-source-cloudwatch/confirmation", given: Given::Rules, then: subscribed },
    EventCase { event: "alert-source-heartbeat/ping", given: Given::Rules, then: counted },
    EventCase { event: "alert-source-opsgenie-alerts/close", given: Given::Rules, then: processed },
    EventCase { event: "alert-source-opsgenie-alerts/create", given: Given::Rules, then: processed },
    EventCase { event: "alert-source-opsgenie-alerts/delete", given: Given::Rules, then: processed },
    EventCase { event: "alert-source-opsgenie-alerts/request", given: Given::Rules, then: told },
    EventCase { event: "alert-source-opsgenie-alerts/unknown-key", given: Given::Rules, then: refused },
    EventCase { event: "alert-source-pager-duty-events/change", given: Given::Rules, then: passed_over },
    EventCase { event: "alert-source-pager-duty-events/enqueue", given: Given::Rules, then: enqueued },
    EventCase { event: "alert-source-pager-duty-events/unknown-key", given: Given::Rules, then: wrong },
    EventCase { event: "alert-source-prometheus/alerts", given: Given::Rules, then: accepted },
];

/// The two events that every source in the registry has.
pub(crate) static OF_EVERY_SOURCE: LazyLock<Vec<EventCase>> = LazyLock::new(|| {
    let of = |source: &dyn sources::AlertSource| {
        let function = format!("alert-source-{}", source.kind().replace('_', "-"));
        let firing = format!("{function}/firing").leak();
        let wrong_secret = format!("{function}/wrong-secret").leak();
        [
            EventCase { event: firing, given: Given::Rules, then: accepted },
            EventCase { event: wrong_secret, given: Given::Rules, then: refused },
        ]
    };
    sources::all().iter().flat_map(|source| of(*source)).collect()
});

fn counted<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 204, "{}", invoked.answer);
        let job = fixture.context.store.heartbeat(fixture.org, fixture.sources["heartbeat"]).await.unwrap();
        assert_eq!(job.unwrap().last_ping_at, fixture.now());
    })
}

fn accepted<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 202, "{}", invoked.answer);
        let queued = fixture.messages(Queue::AlertHandle).unwrap();
        assert_eq!(queued.len(), 1);
        assert!(queued[0].body.contains(invoked.answer["body"]["deduplication_key"].as_str().unwrap()));
    })
}

fn subscribed<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(queued(fixture, invoked, 202).await, 0);
        let asked = fixture.messages(Queue::NotificationSend).unwrap();
        assert!(asked.len() == 1 && asked[0].body.contains("Action=ConfirmSubscription"));
        assert!(fixture.context.store.pinned(fixture.sources["cloudwatch"]).await.unwrap().is_some());
    })
}

fn refused<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(invoked.answer["statusCode"], 401, "{}", invoked.answer);
        assert_eq!(fixture.messages(Queue::AlertHandle).unwrap().len(), 0);
    })
}

/// How many events wait once a request was answered with this status.
async fn queued(fixture: &Fixture, invoked: &Invoked, status: u16) -> usize {
    assert_eq!(invoked.answer["statusCode"], status, "{}", invoked.answer);
    fixture.messages(Queue::AlertHandle).unwrap().len()
}

fn enqueued<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(queued(fixture, invoked, 202).await, 1);
        assert_eq!(invoked.answer["body"]["dedup_key"], "db-1/disk");
    })
}

fn processed<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(queued(fixture, invoked, 202).await, 1);
        assert_eq!(invoked.answer["body"]["result"], "Request will be processed");
    })
}

fn told<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move { assert_eq!(queued(fixture, invoked, 200).await, 0) })
}

fn passed_over<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move { assert_eq!(queued(fixture, invoked, 202).await, 0) })
}

fn wrong<'a>(fixture: &'a Fixture, invoked: &'a Invoked) -> BoxFuture<'a, ()> {
    Box::pin(async move { assert_eq!(queued(fixture, invoked, 400).await, 0) })
}
