//! Finds the escalations that still need somebody, newest first, with their stories.

use domain::id::EscalationId;
use futures_util::future::join_all;
use machine::Stateful;
use store::Store;
use tracing::instrument;

use super::history::{Story, story};
use crate::AppError;
use crate::rules::Snapshot;

/// The escalations that still need somebody.
#[derive(Debug, Default)]
pub struct Open {
    /// Those whose story can be told, newest first.
    pub stories: Vec<Story>,
    /// Those that are there but cannot be read; they need somebody all the more.
    pub unreadable: Vec<EscalationId>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// Finds the newest escalations that still need somebody.
///
/// The index only names candidates; each is read again, and one that was answered meanwhile is left out.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, err)]
pub async fn open(store: &Store, rules: &Snapshot, most: usize) -> Result<Open, AppError> {
    let mut listed = store.open_escalations(rules.org.id, most + 1).await?;
    let more = listed.len() > most;
    listed.truncate(most);
    let ids: Vec<EscalationId> = listed.iter().filter_map(|row| row.id.parse().ok()).collect();
    let told = join_all(ids.iter().map(|&id| story(store, rules, id))).await;

    let mut open = Open { more, ..Open::default() };
    for (id, told) in ids.into_iter().zip(told) {
        match told {
            Ok(Some(story)) if story.escalation.head().state().notifies() => open.stories.push(story),
            Ok(_) => {}
            Err(fault) if fault.is_unreadable() => open.unreadable.push(id),
            Err(fault) => return Err(fault),
        }
    }
    Ok(open)
}
