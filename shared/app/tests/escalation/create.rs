//! Escalations that somebody begins by hand.

use app::AppError;
use app::escalation::create::{EscalationTarget, ManualEscalation, create};
use domain::escalation::EscalationState;
use domain::id::{EscalationId, UserId};
use domain::trace::Trace;
use machine::Stateful;

use crate::world::World;

fn call(world: &World, title: &str, target: EscalationTarget) -> ManualEscalation {
    ManualEscalation {
        id: EscalationId::new(world.now(), world.ctx().random()),
        title: title.to_owned(),
        description: None,
        target,
        incident: None,
        trace: Trace::begin(7),
    }
}

#[tokio::test]
async fn same_key_begins_nothing_twice() {
    let world = World::new().await;
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));
    let begin = async || {
        let call = call(&world, "Please look", EscalationTarget::Path(world.path));
        create(store, &world.rules, &ada, ("a client's key", call), world.now()).await.unwrap()
    };

    let (first, second) = (begin().await, begin().await);

    assert_eq!((first.id, first.head().state()), (second.id, EscalationState::Triggered));
    assert_eq!(world.notified(first.id).await, ["ada@example.com"]);
}

#[tokio::test]
async fn people_are_all_paged_at_once() {
    let world = World::new().await;
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));
    let call = call(&world, "Please look", EscalationTarget::Users(vec![world.ada.id, world.grace.id]));

    let begun = create(store, &world.rules, &ada, ("key", call), world.now()).await.unwrap();

    assert_eq!(world.notified(begun.id).await, ["ada@example.com", "grace@example.com"]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_field() {
    let world = World::new().await;
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));
    let nobody = UserId::new(world.now(), 1);
    for (title, target, field) in [
        (" ", EscalationTarget::Path(world.path), "title"),
        ("x", EscalationTarget::Users(Vec::new()), "user_ids"),
        ("x", EscalationTarget::Users(vec![nobody]), "user_ids"),
    ] {
        let refused =
            create(store, &world.rules, &ada, ("key", call(&world, title, target)), world.now()).await;
        let Err(AppError::Invalid { field: named, .. }) = refused else { panic!("{refused:?}") };
        assert!(named.starts_with(field), "{named} is not {field}");
    }
}
