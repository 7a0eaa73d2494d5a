//! Updates of all incidents of an organisation: a row for each, in monthly partitions, in the order of time.
//!
//! A row only points to the history row of the incident, where the update is read consistently.

use domain::Timestamp;
use domain::id::{IncidentId, OrgId, UpdateId};
use domain::incident::{ChangeNote, Incident};
use machine::{Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{self, Item};
use crate::monthly::{MonthlyQuery, NextPage};
use crate::{Store, table};

/// Where an update is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateRow {
    /// Its id, which contains the version.
    pub id: UpdateId,
    /// The incident.
    pub incident: IncidentId,
}

/// A page of updates, the newest first.
#[derive(Debug, Clone)]
pub struct UpdatePage {
    /// Where they are stored.
    pub rows: Vec<UpdateRow>,
    /// Where to continue, if there may be more.
    pub after: Option<UpdateId>,
}

/// The row of the update that a transition of an incident makes, if it is one.
pub(crate) fn row_of(step: &Transition<Incident>) -> Option<Result<Item, StoreError>> {
    let incident = step.after();
    let id = UpdateId::of(incident.id, incident.head().version(), step.at());
    let row = UpdateRow { id, incident: incident.id };
    let is_update = step.note().is_some_and(ChangeNote::is_update);
    is_update.then(|| item::write("update", &table::update(incident.org, id), &row))
}

impl Store {
    /// Where updates of all incidents before an id are stored, newest first.
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
        let asked = MonthlyQuery { org, kind, partition, before, most, now };
        let (rows, more): (Vec<UpdateRow>, NextPage) = self.monthly(asked).await?;
        let after = match more {
            NextPage::Nothing => None,
            NextPage::AfterLast => rows.last().map(|row| row.id),
            NextPage::Before(at) => Some(UpdateId::new(at, 0)),
        };
        Ok(UpdatePage { rows, after })
    }
}
