//! Pages: claimed under a fence, marked in place.

use aws_sdk_dynamodb::types::ConditionCheck;
use domain::escalation::EscalationState;
use domain::id::{EscalationId, OrgId};
use domain::notification::Notification;
use machine::{State, Transition};

use crate::commit::Refused;
use crate::error::StoreError;
use crate::item::{key_item, n, s};
use crate::{Commit, Store, table};

/// What came of claiming a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// It is ours to send.
    Ours,
    /// Another worker was faster.
    Theirs,
    /// Somebody has answered the escalation: the page is void.
    Answered,
}

impl Store {
    /// Reads a page.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn notification(
        &self,
        org: OrgId,
        escalation: EscalationId,
        id: &str,
    ) -> Result<Option<Notification>, StoreError> {
        self.load("page", &table::notification(org, escalation, id)).await
    }

    /// Claims a page, on the condition that nobody has answered its escalation.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn claim(&self, claim: Transition<Notification>) -> Result<Claimed, StoreError> {
        let notification = claim.after();
        let mut fence = ConditionCheck::builder()
            .set_key(Some(key_item(&table::escalation(notification.org, notification.escalation))))
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#cycle", "cycle")
            .expression_attribute_values(":cycle", n(notification.cycle));
        let mut paging = Vec::new();
        for state in EscalationState::ALL.iter().filter(|state| state.notifies()) {
            let name = format!(":{}", state.name());
            fence = fence.expression_attribute_values(&name, s(state.name()));
            paging.push(name);
        }
        let fence =
            fence.condition_expression(format!("#state IN ({}) AND #cycle = :cycle", paging.join(", ")));

        match self.commit_or(Commit::new().transition(claim).check(fence)).await {
            Ok(()) => Ok(Claimed::Ours),
            Err(Refused::Conditions(which)) if which.contains(&0) => Ok(Claimed::Theirs),
            Err(Refused::Conditions(_)) => Ok(Claimed::Answered),
            Err(Refused::Store(error)) => Err(error),
        }
    }
}
