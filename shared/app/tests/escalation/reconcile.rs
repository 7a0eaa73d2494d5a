//! What an alert's end means for its escalations.

use app::escalation::reconcile::reconcile;
use app::escalation::respond::acknowledge;
use domain::alert::{Alert, AlertStatus};
use domain::escalation::EscalationState;
use machine::Stateful;

use crate::world::World;

/// An alert that is over, and whose escalation does not know it yet.
async fn over(acknowledged: bool) -> (World, Alert) {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    if acknowledged {
        let ada = world.actor(&world.ada);
        acknowledge(&world.ctx().store, &ada, alert.escalations[0], world.now()).await.unwrap();
    }
    world.pass(60);
    world.receive(&world.event("disk", AlertStatus::Resolved)).await.unwrap();
    (world, alert)
}

#[tokio::test]
async fn escalations_end_with_their_alert_whether_somebody_is_on_it_or_not() {
    for acknowledged in [false, true] {
        let (world, alert) = over(acknowledged).await;

        for _ in 0..2 {
            reconcile(&world.ctx().store, &world.rules, world.org, alert.id, world.now()).await.unwrap();
        }

        let escalation = world.escalation(alert.escalations[0]).await;
        assert_eq!((escalation.head().state(), escalation.due), (EscalationState::Resolved, None));
        assert_eq!(world.alert(alert.id).await.due, None, "nothing is owed any more");
    }
}

#[tokio::test]
async fn alert_that_goes_on_and_is_answered_for_changes_nothing() {
    let world = World::new().await;
    let alert = world.firing("disk").await;

    reconcile(&world.ctx().store, &world.rules, world.org, alert.id, world.now()).await.unwrap();

    let escalation = world.escalation(alert.escalations[0]).await;
    assert_eq!((escalation.head().state(), escalation.head().version()), (EscalationState::Triggered, 1));
}
