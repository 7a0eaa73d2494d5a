//! Pages: claimed under a fence, marked in place.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ConditionCheck, ReturnValuesOnConditionCheckFailure};
use domain::escalation::EscalationState;
use domain::id::{EscalationId, OrgId};
use domain::page::Page;
use machine::{CommitError, Outcome, State, Stateful, Transition};

use crate::commit::{Refused, change};
use crate::error::StoreError;
use crate::item::{key_item, n, s};
use crate::record::{Record, ends, head_item};
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
    pub async fn page(
        &self,
        org: OrgId,
        escalation: EscalationId,
        id: &str,
    ) -> Result<Option<Page>, StoreError> {
        self.load("page", &table::page(org, escalation, id)).await
    }

    /// Claims a page, on the condition that nobody has answered its escalation.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn claim(&self, claim: Transition<Page>) -> Result<Claimed, StoreError> {
        let page = claim.after();
        let mut fence = ConditionCheck::builder()
            .set_key(Some(key_item(&table::escalation(page.org, page.escalation))))
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#cycle", "cycle")
            .expression_attribute_values(":cycle", n(page.cycle));
        let mut paging = Vec::new();
        for state in EscalationState::ALL.iter().filter(|state| state.pages()) {
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

    /// Writes a step of a page that tells nobody anything: one update in place.
    ///
    /// A lost answer to an update that did apply is not read as losing: the update carries its own commit id.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if another writer was faster, [`CommitError::Store`] if the database failed.
    pub async fn mark(&self, step: Transition<Page>) -> Result<(), CommitError> {
        let (from, to) = ends(step.from(), step.to());
        let begun = std::time::Instant::now();
        let done = self.mark_once(step).await;
        let outcome = match &done {
            Ok(()) => Outcome::Success,
            Err(CommitError::Conflict) => Outcome::Conflict,
            Err(CommitError::Store(_)) => Outcome::Error,
        };
        self.observe.transition(Page::MACHINE, from, to, outcome, begun.elapsed().as_secs_f64());
        done
    }

    async fn mark_once(&self, step: Transition<Page>) -> Result<(), CommitError> {
        let parts = step.into_parts();
        debug_assert!(parts.events.is_empty(), "a step with events is a commit");
        let Some(before) = parts.before else { return Err(CommitError::Conflict) };
        let commit = format!("{:032x}", fastrand::u128(..));
        let key = parts.after.place().head;
        let mut new = head_item(&parts.after)?;
        new.insert(table::COMMIT.to_owned(), s(&commit));
        let change = change(&before, &head_item(&before)?, &new, &key);
        let sent = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(change.get_key().clone())
            .set_update_expression(change.get_update_expression().clone())
            .set_condition_expression(change.get_condition_expression().clone())
            .set_expression_attribute_names(change.get_expression_attribute_names().clone())
            .set_expression_attribute_values(change.get_expression_attribute_values().clone())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let theirs = failed.item().and_then(|item| item.get(table::COMMIT)?.as_s().ok());
                if theirs == Some(&commit) { Ok(()) } else { Err(CommitError::Conflict) }
            }
            _ => Err(StoreError::call("UpdateItem", error).into()),
        }
    }
}
