//! Finds the firing alerts that no route matched.

use std::sync::Arc;

use domain::alert::{Alert, AlertState};
use domain::source::Source;
use futures_util::future::try_join_all;
use machine::Stateful;
use store::Store;
use tracing::instrument;

use crate::AppError;
use crate::rules::Snapshot;

/// Unrouted alerts that are still firing.
#[derive(Debug, Default)]
pub struct Unrouted {
    /// The alerts, newest first, with their sources.
    pub alerts: Vec<(Alert, Option<Arc<Source>>)>,
    /// Whether there are more.
    pub more: bool,
}

/// Finds the newest alerts that no route matched.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all)]
pub async fn unrouted(store: &Store, rules: &Snapshot, most: i32) -> Result<Unrouted, AppError> {
    let org = rules.org.id;
    let mut ids = store.unrouted(org, most.saturating_add(1)).await?;
    let most = usize::try_from(most).unwrap_or(0);
    let more = ids.len() > most;
    ids.truncate(most);
    let read = try_join_all(ids.into_iter().map(|id| store.alert(org, id))).await?;

    let mut alerts = Vec::new();
    for alert in read.into_iter().flatten() {
        if alert.head().state() == AlertState::Firing {
            let source = rules.source(alert.source).await?;
            alerts.push((alert, source));
        }
    }
    Ok(Unrouted { alerts, more })
}
