//! What people answer to an escalation.

use app::AppError;
use app::escalation::respond::{StopOutcome, acknowledge, cancel, unacknowledge};
use domain::escalation::EscalationState;
use domain::id::EscalationId;
use machine::Stateful;

use crate::world::World;

/// An escalation that pages.
async fn paging() -> (World, EscalationId) {
    let world = World::new().await;
    let id = world.firing("disk").await.escalations[0];
    (world, id)
}

#[tokio::test]
async fn acknowledgement_stops_paging_and_a_second_one_changes_nothing() {
    let (world, id) = paging().await;
    let store = &world.ctx().store;

    let first = acknowledge(store, &world.actor(&world.ada), id, world.now()).await.unwrap();
    let second = acknowledge(store, &world.actor(&world.grace), id, world.now()).await.unwrap();

    assert!(matches!(first, StopOutcome::Now(_)) && matches!(second, StopOutcome::Already(_)));
    let escalation = world.escalation(id).await;
    assert_eq!((escalation.head().state(), escalation.due), (EscalationState::Acked, None));
    assert_eq!(escalation.head().version(), 2);
}

#[tokio::test]
async fn escalation_that_is_unacknowledged_pages_its_first_level_again() {
    let (world, id) = paging().await;
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));
    acknowledge(store, &ada, id, world.now()).await.unwrap();

    let again = unacknowledge(store, &world.rules, &ada, id, world.now()).await.unwrap();

    assert_eq!((again.head().state(), again.level, again.cycle), (EscalationState::Triggered, 0, 1));
    assert_eq!(world.notified(id).await, ["ada@example.com", "ada@example.com"]);
    let twice = unacknowledge(store, &world.rules, &ada, id, world.now()).await;
    assert!(matches!(twice, Err(AppError::Illegal(_))), "{twice:?}");
}

#[tokio::test]
async fn cancelled_escalation_cannot_be_acknowledged() {
    let (world, id) = paging().await;
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));
    cancel(store, &ada, id, world.now()).await.unwrap();

    let late = acknowledge(store, &ada, id, world.now()).await;

    assert!(!matches!(late, Ok(StopOutcome::Now(_))), "{late:?}");
    assert_eq!(world.escalation(id).await.head().state(), EscalationState::Cancelled);
}

#[tokio::test]
async fn whoever_may_only_look_answers_nothing() {
    let (world, id) = paging().await;
    let store = &world.ctx().store;

    let viewer = acknowledge(store, &world.actor(&world.vera), id, world.now()).await;

    assert!(matches!(viewer, Err(AppError::Forbidden(_))), "{viewer:?}");
    assert_eq!(world.escalation(id).await.head().state(), EscalationState::Triggered);
}
