//! Finds the escalations that nobody has acknowledged, newest first, with their histories.

use domain::id::EscalationId;
use futures_util::future::join_all;
use machine::Stateful;
use store::Store;
use tracing::instrument;

use super::history::{EscalationHistory, history};
use crate::AppError;
use crate::rules::Snapshot;

/// The escalations that nobody has acknowledged.
#[derive(Debug, Default)]
pub struct OpenEscalations {
    /// Those whose history can be read, newest first.
    pub stories: Vec<EscalationHistory>,
    /// The escalations that cannot be read. They are listed, so that somebody looks at them.
    pub unreadable: Vec<EscalationId>,
    /// Whether there are more.
    pub more: bool,
}

/// Finds the newest escalations that nobody has acknowledged.
///
/// The index only names candidates. Each one is read again, and one that was acknowledged in the meantime is left out.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all)]
pub async fn open(store: &Store, rules: &Snapshot, most: usize) -> Result<OpenEscalations, AppError> {
    let mut listed = store.open_escalations(rules.org.id, most + 1).await?;
    let more = listed.len() > most;
    listed.truncate(most);
    let ids: Vec<EscalationId> = listed.iter().filter_map(|row| row.id.parse().ok()).collect();
    let told = join_all(ids.iter().map(|&id| history(store, rules, id))).await;

    let mut open = OpenEscalations { more, ..OpenEscalations::default() };
    for (id, told) in ids.into_iter().zip(told) {
        match told {
            Ok(Some(history)) if history.escalation.head().state().notifies() => open.stories.push(history),
            Ok(_) => {}
            Err(fault) if fault.is_unreadable() => open.unreadable.push(id),
            Err(fault) => return Err(fault),
        }
    }
    Ok(open)
}
