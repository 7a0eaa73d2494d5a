//! Notes about alerts.

use app::AppError;
use app::alert::note::{note, notes};

use crate::world::World;

#[tokio::test]
async fn notes_are_kept_counted_and_listed_the_newest_first() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    let (ctx, ada) = (world.ctx(), world.actor(&world.ada));
    for text in [" It is the old backup again.\n", "Deleted it."] {
        note(&ctx.store, &ada, alert.id, text, &ctx.random, world.now()).await.unwrap();
        world.pass(1);
    }

    let listed = notes(&ctx.store, &world.actor(&world.vera), alert.id).await.unwrap();

    let texts: Vec<&str> = listed.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(texts, ["Deleted it.", "It is the old backup again."]);
    assert_eq!(world.alert(alert.id).await.notes, 2);
}

#[tokio::test]
async fn empty_note_is_refused_and_not_counted() {
    let world = World::new().await;
    let alert = world.firing("disk").await;
    let (ctx, ada) = (world.ctx(), world.actor(&world.ada));

    let refused = note(&ctx.store, &ada, alert.id, " \n", &ctx.random, world.now()).await;

    assert!(matches!(refused, Err(AppError::Invalid { .. })), "{refused:?}");
    assert_eq!(world.alert(alert.id).await.notes, 0);
}
