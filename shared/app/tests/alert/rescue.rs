//! Events that could not be handled.

use domain::alert::key::Decision;
use domain::alert::{AlertState, AlertStatus, ReceivedEvent, Routing};
use domain::escalation::PathRef;
use domain::id::AlertId;
use domain::trace::Trace;
use machine::Stateful;

use crate::world::World;

async fn rescue(world: &World, received: &ReceivedEvent) -> Decision {
    let (store, now) = (&world.ctx().store, world.now());
    app::alert::rescue::rescue(store, &world.rules, received, &Trace::begin(7), now).await.unwrap()
}

#[tokio::test]
async fn firing_opens_a_bare_alert_and_pages_the_fallback_contact() {
    let world = World::new().await;
    let event = world.event("disk", AlertStatus::Firing);

    assert_eq!(rescue(&world, &event).await, Decision::Open);

    let alert = world.alert(AlertId::derived(event.received_at, event.id)).await;
    assert_eq!((alert.routing, alert.incident), (Routing::Fallback, None));
    let escalation = world.escalation(alert.escalations[0]).await;
    assert_eq!(escalation.plan, PathRef::Fallback);
    assert_eq!(world.notified(escalation.id).await, ["owner@example.com"]);
    let body = world.ctx().store.alert_body(world.org, alert.id).await.unwrap().unwrap();
    assert_eq!(body.problems.len(), 1, "{:?}", body.problems);
}

#[tokio::test]
async fn event_that_was_handled_after_all_pages_nobody_again() {
    let world = World::new().await;
    let event = world.event("disk", AlertStatus::Firing);
    world.receive(&event).await.unwrap();

    assert_eq!(rescue(&world, &event).await, Decision::Stale);

    assert_eq!(world.ctx().store.list_escalations(world.org, None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn end_is_handled_so_that_the_next_firing_pages() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    world.pass(60);

    assert_eq!(
        rescue(&world, &world.event("disk", AlertStatus::Resolved)).await,
        Decision::Resolve(alert.id)
    );

    assert_eq!(world.alert(alert.id).await.head().state(), AlertState::Resolved);
    world.pass(120);
    assert_ne!(world.firing("disk").await.id, alert.id);
}
