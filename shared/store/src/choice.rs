//! Choices of an organisation. They are configuration, and few enough to be read at once.

use domain::audit::AuditEntry;
use domain::choice::{Choice, ChoiceKind, Configured, built_in, offered};
use domain::id::OrgId;
use domain::incident::{IncidentRole, Severity, Status};

use crate::error::StoreError;
use crate::item::{self, Item, n};
use crate::table;
use crate::{Commit, Store};

/// The severities, statuses and roles of incidents.
#[derive(Debug, Clone)]
pub struct Choices {
    /// The severities.
    pub severities: Vec<Configured<Severity>>,
    /// The statuses.
    pub statuses: Vec<Configured<Status>>,
    /// The roles.
    pub roles: Vec<Configured<IncidentRole>>,
}

impl Choices {
    /// The built-in choices of a new organisation.
    pub fn built_in(org: OrgId) -> Self {
        Self { severities: built_in(org), statuses: built_in(org), roles: built_in(org) }
    }
}

/// Says whether an item is a choice of a kind.
fn is_of(item: &Item, kind: ChoiceKind) -> bool {
    let sort = item.get(table::SK).and_then(|sort| sort.as_s().ok());
    sort.is_some_and(|sort| sort.starts_with(table::choices(kind)))
}

/// The choices of a kind among items.
fn among<T: Choice>(org: OrgId, items: &[Item]) -> Result<Vec<Configured<T>>, StoreError> {
    let of_kind = items.iter().filter(|item| is_of(item, T::KIND)).cloned();
    let stored = of_kind.map(|item| item::read(T::KIND.name(), item)).collect::<Result<_, _>>()?;
    Ok(offered(org, stored))
}

impl Store {
    /// The choices of a kind, by rank. There are few of each kind, so all are read.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn choices<T: Choice>(&self, org: OrgId) -> Result<Vec<Configured<T>>, StoreError> {
        among(org, &self.configured_items(org, table::choices(T::KIND), None, usize::MAX).await?)
    }

    /// The severities, statuses and roles of incidents, in one query.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn incident_choices(&self, org: OrgId) -> Result<Choices, StoreError> {
        let items = self.configured_items(org, table::CHOICE, None, usize::MAX).await?;
        Ok(Choices {
            severities: among(org, &items)?,
            statuses: among(org, &items)?,
            roles: among(org, &items)?,
        })
    }

    /// One choice; `None` if it does not exist or was deleted.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn choice<T: Choice>(
        &self,
        org: OrgId,
        id: T::Id,
    ) -> Result<Option<Configured<T>>, StoreError> {
        let stored: Option<Configured<T>> =
            self.load(T::KIND.name(), &table::choice(org, T::KIND, id)).await?;
        match stored {
            Some(stored) => Ok(Some(stored).filter(|choice| !choice.gone)),
            None => Ok(built_in::<T>(org).into_iter().find(|choice| choice.id == id)),
        }
    }
}

impl Commit {
    /// Adds the next version of a choice, if nobody changed it since.
    fn next_choice<T: Choice>(self, org: OrgId, choice: &Configured<T>) -> Self {
        let item = item::write(T::KIND.name(), &table::choice(org, T::KIND, choice.id), choice);
        if choice.version == 1 {
            self.put_new(item)
        } else {
            self.put_if(item, Some("version = :before"), &[(":before", n(choice.version - 1))])
        }
    }

    /// Adds a change of a choice, which increases its version by one.
    pub fn choice<T: Choice>(self, choice: &Configured<T>, entry: &AuditEntry) -> Self {
        self.next_choice(entry.org, choice).next_generation(entry)
    }

    /// Adds the deletion of a choice, if nobody changed or used it since. The deletion of a built-in choice is stored.
    pub fn without_choice<T: Choice>(self, choice: &Configured<T>, entry: &AuditEntry) -> Self {
        let org = entry.org;
        if built_in::<T>(org).iter().any(|one| one.id == choice.id) {
            let gone = Configured::<T> { gone: true, version: choice.version + 1, ..choice.clone() };
            return self.choice(&gone, entry);
        }
        let key = table::choice(org, T::KIND, choice.id);
        self.delete_if(&key, "version = :before", &[(":before", n(choice.version))]).next_generation(entry)
    }

    /// Adds that a choice is used, so that it cannot be deleted any more. Only the first use is written, and it
    /// conflicts with a deletion at the same moment.
    pub fn used<T: Choice>(self, org: OrgId, choice: &Configured<T>) -> Self {
        if choice.used || choice.what.is_fixed() {
            return self;
        }
        let used = Configured::<T> { used: true, version: choice.version + 1, ..choice.clone() };
        self.next_choice(org, &used)
    }
}
