//! Timers of escalations.

use app::escalation::respond::acknowledge;
use app::escalation::tick::tick;
use domain::alert::AlertStatus;
use domain::escalation::{EscalationState, Tick};
use domain::id::EscalationId;
use machine::Stateful;

use crate::world::{LEVEL_SECONDS, World};

async fn paging() -> (World, EscalationId) {
    let world = World::new().await;
    let id = world.firing("disk").await.escalations[0];
    (world, id)
}

async fn tick_now(world: &World, id: EscalationId) -> Tick {
    tick(&world.ctx().store, &world.rules, world.org, id, world.now()).await.unwrap()
}

#[tokio::test]
async fn each_level_is_paged_once_and_then_the_fallback_contact() {
    let (world, id) = paging().await;
    let mut decided = Vec::new();
    for _ in 0..3 {
        world.pass(LEVEL_SECONDS);
        decided.push(tick_now(&world, id).await);
        // The message of a timer comes at least once.
        assert!(matches!(tick_now(&world, id).await, Tick::TooEarly | Tick::Over));
    }

    assert_eq!(decided, [Tick::Escalate(1), Tick::Expire, Tick::Over]);
    assert_eq!(world.escalation(id).await.head().state(), EscalationState::Expired);
    assert_eq!(
        world.notified(id).await,
        ["ada@example.com", "grace@example.com", "owner@example.com"],
        "whoever is paged last is the fallback contact"
    );
}

#[tokio::test]
async fn early_timer_is_left_to_the_sweep() {
    let (world, id) = paging().await;
    world.pass(LEVEL_SECONDS - 10);

    assert_eq!(tick_now(&world, id).await, Tick::TooEarly);

    assert_eq!(world.escalation(id).await.head().version(), 1);
}

#[tokio::test]
async fn nobody_is_paged_after_an_acknowledgement() {
    let (world, id) = paging().await;
    acknowledge(&world.ctx().store, &world.actor(&world.ada), id, world.now()).await.unwrap();
    world.pass(LEVEL_SECONDS);

    assert_eq!(tick_now(&world, id).await, Tick::Over);

    assert_eq!(world.notified(id).await, ["ada@example.com"]);
}

#[tokio::test]
async fn level_whose_alert_is_over_is_not_paged_though_the_news_is_late() {
    let (world, id) = paging().await;
    world.pass(LEVEL_SECONDS);
    world.receive(&world.event("disk", AlertStatus::Resolved)).await.unwrap();

    tick_now(&world, id).await;

    assert_eq!(world.escalation(id).await.head().state(), EscalationState::Resolved);
    assert_eq!(world.notified(id).await, ["ada@example.com"]);
}
