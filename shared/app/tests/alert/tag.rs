//! Tags of alerts.

use app::AppError;
use app::alert::tag::tag;
use domain::alert::note::MOST_TAGS;
use machine::Stateful;

use crate::world::World;

#[tokio::test]
async fn tags_replace_those_before_and_change_nothing_else() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    let (store, ada) = (&world.ctx().store, world.actor(&world.ada));
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();

    tag(store, &ada, alert.id, &tags(&["backup", "db"])).await.unwrap();
    tag(store, &ada, alert.id, &tags(&["db"])).await.unwrap();

    let tagged = world.alert(alert.id).await;
    assert_eq!((tagged.tags, tagged.head.version()), (tags(&["db"]), alert.head().version()));
}

#[tokio::test]
async fn too_many_tags_and_whoever_may_only_look_are_refused() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    let store = &world.ctx().store;
    let many: Vec<String> = (0..=MOST_TAGS).map(|n| format!("tag {n}")).collect();

    let too_many = tag(store, &world.actor(&world.ada), alert.id, &many).await;
    assert!(matches!(too_many, Err(AppError::Invalid { .. })), "{too_many:?}");
    let viewer = tag(store, &world.actor(&world.vera), alert.id, &[]).await;
    assert!(matches!(viewer, Err(AppError::Forbidden(_))), "{viewer:?}");
}
