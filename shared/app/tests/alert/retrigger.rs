//! Alerts that fire again by hand.

use app::alert::retrigger::{Retriggered, retrigger};
use app::worker::AlertRequest;
use domain::alert::AlertStatus;
use domain::alert::key::Decision;
use domain::message::{Envelope, Queue};

use crate::world::World;

#[tokio::test]
async fn alert_that_is_over_fires_again_with_what_its_sender_sent() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    world.pass(60);
    world.receive(&world.event("disk", AlertStatus::Resolved)).await.unwrap();

    let again = retrigger(world.ctx(), &world.actor(&world.ada), alert.id).await.unwrap();

    let Retriggered::AsAlert(next) = again else { panic!("{again:?}") };
    let queued = world.installation.embedded.queues().receive(Queue::AlertHandle.name(), 10).unwrap();
    let envelope: Envelope<AlertRequest> = serde_json::from_str(&queued[0].body).unwrap();
    let AlertRequest::Event(received) = envelope.body else { panic!("it is no event") };
    assert_eq!(received.asked_by.as_ref(), Some(world.actor(&world.ada).identity()));
    assert_eq!(world.receive(&received).await.unwrap(), Some(Decision::Open));
    let fires = world.alert(next).await;
    assert_eq!((fires.title.as_str(), fires.escalations.len()), ("disk", 1));
}

#[tokio::test]
async fn alert_that_fires_already_is_shown_and_nothing_is_queued() {
    let world = World::new().await;
    let alert = world.firing("disk").await;

    let again = retrigger(world.ctx(), &world.actor(&world.ada), alert.id).await.unwrap();

    assert!(matches!(&again, Retriggered::AlreadyFiring(fires) if fires.id == alert.id), "{again:?}");
    assert_eq!(world.installation.embedded.queues().depth(Queue::AlertHandle.name()).unwrap(), 0);
}
