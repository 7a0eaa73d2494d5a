//! Events of alerts.

use domain::alert::key::Decision;
use domain::alert::{AlertState, AlertStatus, Routing};
use domain::escalation::EscalationState;
use domain::id::AlertId;
use machine::Stateful;

use crate::world::World;

#[tokio::test]
async fn firing_opens_alert_incident_and_escalation_at_once() {
    let world = World::new().await;

    let alert = world.firing("disk").await;

    assert_eq!((alert.head().state(), alert.routing), (AlertState::Firing, Routing::Routed));
    let incident = world.ctx().store.incident(world.org, alert.incident.unwrap()).await.unwrap().unwrap();
    assert_eq!((incident.title.as_str(), incident.number), ("disk", 1));
    let escalation = world.escalation(alert.escalations[0]).await;
    assert_eq!(escalation.head().state(), EscalationState::Triggered);
    assert_eq!(world.notified(escalation.id).await, ["ada@example.com"]);
}

#[tokio::test]
async fn message_that_comes_twice_changes_nothing() {
    let world = World::new().await;
    let event = world.event("disk", AlertStatus::Firing);

    assert_eq!(world.receive(&event).await.unwrap(), Some(Decision::Open));
    assert_eq!(world.receive(&event).await.unwrap(), Some(Decision::Stale));

    assert_eq!(world.ctx().store.list_alerts(world.org, None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn repeat_is_counted_and_pages_nobody() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    world.pass(60);

    let decided = world.receive(&world.event("disk", AlertStatus::Firing)).await.unwrap();

    assert_eq!(decided, Some(Decision::Repeat));
    let row = world.ctx().store.key(world.org, world.source, &alert.key).await.unwrap().unwrap();
    assert_eq!((row.count, row.alert), (2, Some(alert.id)));
    assert_eq!(world.notified(alert.escalations[0]).await.len(), 1);
}

#[tokio::test]
async fn end_resolves_the_alert_and_owes_its_escalation_the_news() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    world.pass(60);

    let decided = world.receive(&world.event("disk", AlertStatus::Resolved)).await.unwrap();

    assert_eq!(decided, Some(Decision::Resolve(alert.id)));
    let over = world.alert(alert.id).await;
    assert_eq!(
        (over.head().state(), over.resolved_at, over.due),
        (AlertState::Resolved, Some(world.now()), Some(world.now()))
    );
}

#[tokio::test]
async fn end_that_comes_before_its_beginning_leaves_a_tombstone_and_pages_nobody() {
    let world = World::new().await;
    let firing = world.event("disk", AlertStatus::Firing);
    world.pass(1);

    assert_eq!(
        world.receive(&world.event("disk", AlertStatus::Resolved)).await.unwrap(),
        Some(Decision::Tombstone)
    );
    assert_eq!(world.receive(&firing).await.unwrap(), Some(Decision::OpenResolved));

    let alert = world.alert(AlertId::derived(firing.received_at, firing.id)).await;
    assert_eq!((alert.head().state(), alert.routing), (AlertState::Resolved, Routing::Over));
    assert!(alert.escalations.is_empty());
}
