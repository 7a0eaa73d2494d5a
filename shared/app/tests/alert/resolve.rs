//! Alerts that somebody resolves by hand.

use app::AppError;
use domain::alert::key::Decision;
use domain::alert::{AlertState, AlertStatus};
use domain::id::AlertId;
use machine::Stateful;

use crate::world::World;

#[tokio::test]
async fn resolves_once_and_says_who_did() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));

    let resolved = app::alert::resolve::resolve(store, &ada, alert.id, world.now()).await.unwrap();
    let again = app::alert::resolve::resolve(store, &ada, alert.id, world.now()).await.unwrap();

    assert_eq!((resolved.head().state(), again.head().version()), (AlertState::Resolved, 2));
    let (_, history) = store.alert_with_history(world.org, alert.id).await.unwrap().unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.to.as_str(), last.why.as_str()), ("resolved", "resolved by hand"));
    assert_eq!(last.by, ada.identity().to_string());
}

#[tokio::test]
async fn alert_that_fires_after_it_was_resolved_by_hand_is_another_episode() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    world.pass(30);
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));
    app::alert::resolve::resolve(store, &ada, alert.id, world.now()).await.unwrap();
    world.pass(60);

    let decided = world.receive(&world.event("disk", AlertStatus::Firing)).await.unwrap();

    assert_eq!(decided, Some(Decision::Open));
    assert_eq!(world.alert(alert.id).await.head().state(), AlertState::Resolved);
}

#[tokio::test]
async fn refuses_whoever_may_only_look_and_what_is_not_there() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    let (store, now) = (&world.ctx().store, world.now());

    let viewer = app::alert::resolve::resolve(store, &world.actor(&world.vera), alert.id, now).await;
    assert!(matches!(viewer, Err(AppError::Forbidden(_))), "{viewer:?}");
    let unknown = AlertId::new(now, 1);
    let missing = app::alert::resolve::resolve(store, &world.actor(&world.ada), unknown, now).await;
    assert!(matches!(missing, Err(AppError::NotFound { .. })), "{missing:?}");
}
