//! Somebody at the sender is on an alert.

use app::alert::acknowledge::AcknowledgedAlert;
use domain::alert::AlertStatus;
use domain::escalation::EscalationState;
use machine::Stateful;

use crate::world::World;

async fn acknowledge(world: &World, key: &str) -> AcknowledgedAlert {
    let (place, hash) = ((world.org, world.source), domain::alert::key_hash(key));
    let store = &world.ctx().store;
    app::alert::acknowledge::acknowledge(store, place, &hash, Some("Ada"), world.now()).await.unwrap()
}

#[tokio::test]
async fn stops_what_pages_for_the_alert_and_names_who_is_on_it() {
    let world = World::new().await;
    let alert = world.firing("disk").await;

    acknowledge(&world, "disk").await;
    acknowledge(&world, "disk").await;

    let (history, _) = world.ctx().store.escalation_story(world.org, alert.escalations[0]).await.unwrap();
    let last = history.last().unwrap();
    assert_eq!(
        (last.version, last.to.as_str(), last.why.as_str()),
        (2, "acked", "acknowledged in the system that sent the alert (Ada)")
    );
}

#[tokio::test]
async fn changes_nothing_of_an_alert_that_is_unknown_or_over() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    world.pass(60);
    world.receive(&world.event("disk", AlertStatus::Resolved)).await.unwrap();

    assert_eq!(acknowledge(&world, "disk").await, AcknowledgedAlert::Known);
    assert_eq!(acknowledge(&world, "unknown").await, AcknowledgedAlert::Unknown);

    assert_eq!(world.escalation(alert.escalations[0]).await.head().state(), EscalationState::Triggered);
}
