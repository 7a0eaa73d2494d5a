//! Which incident an alert belongs to.

use app::AppError;
use app::alert::relate::{relate, unrelate};

use crate::world::World;

#[tokio::test]
async fn alert_belongs_to_one_incident_until_it_is_taken_out() {
    let world = World::new().await;
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));
    let (disk, web) = (world.firing("disk").await, world.firing("web").await);
    let (own, other) = (disk.incident.unwrap(), web.incident.unwrap());

    let refused = relate(store, &ada, (disk.id, other), false).await;
    assert!(matches!(refused, Err(AppError::Illegal(_))), "{refused:?}");
    unrelate(store, &ada, (disk.id, own)).await.unwrap();
    unrelate(store, &ada, (disk.id, own)).await.unwrap();
    let (related, _) = relate(store, &ada, (disk.id, other), false).await.unwrap();

    assert_eq!(related.incident, Some(other));
    assert_eq!(world.alert(disk.id).await.incident, Some(other));
}

#[tokio::test]
async fn alert_that_was_taken_out_belongs_again_only_if_that_is_said() {
    let world = World::new().await;
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));
    let alert = world.firing("disk").await;
    let incident = alert.incident.unwrap();
    unrelate(store, &ada, (alert.id, incident)).await.unwrap();

    let refused = relate(store, &ada, (alert.id, incident), false).await;
    assert!(matches!(refused, Err(AppError::Illegal(_))), "{refused:?}");
    relate(store, &ada, (alert.id, incident), true).await.unwrap();

    assert_eq!(world.alert(alert.id).await.incident, Some(incident));
}
