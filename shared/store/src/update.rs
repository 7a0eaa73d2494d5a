//! Updates of incidents over a whole organisation: a row for each, a partition a month, in the order of time.
//!
//! A row says only where the update is kept, which is in its incident's history: what is read there is never stale.

use domain::Timestamp;
use domain::id::{IncidentId, OrgId, UpdateId};
use domain::incident::{Incident, Note};
use machine::{Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{self, Item};
use crate::monthly::{Monthly, More};
use crate::{Store, table};

/// Where an update is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateRow {
    /// Its id, which tells the version.
    pub id: UpdateId,
    /// The incident.
    pub incident: IncidentId,
}

/// A page of updates, the newest first.
#[derive(Debug, Clone)]
pub struct UpdatePage {
    /// Where they are kept.
    pub rows: Vec<UpdateRow>,
    /// Where to go on, if there may be more.
    pub after: Option<UpdateId>,
}

/// The row of the update that a step of an incident is, if it is one.
pub(crate) fn row_of(step: &Transition<Incident>) -> Option<Result<Item, StoreError>> {
    let incident = step.after();
    let id = UpdateId::of(incident.id, incident.head().version(), step.at());
    let row = UpdateRow { id, incident: incident.id };
    let is_update = step.note().is_some_and(Note::is_update);
    is_update.then(|| item::write("update", &table::update(incident.org, id), &row))
}

impl Store {
    /// Where updates of all incidents are kept that are older than one, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn updates(
        &self,
        org: OrgId,
        before: Option<UpdateId>,
        most: usize,
        now: Timestamp,
    ) -> Result<UpdatePage, StoreError> {
        let before = before.map(|id| (id.at(), id.to_string()));
        let (kind, partition) = ("update", table::update_partition);
        let asked = Monthly { org, kind, partition, before, most, now };
        let (rows, more): (Vec<UpdateRow>, More) = self.monthly(asked).await?;
        let after = match more {
            More::Nothing => None,
            More::AfterLast => rows.last().map(|row| row.id),
            More::Before(at) => Some(UpdateId::new(at, 0)),
        };
        Ok(UpdatePage { rows, after })
    }
}
