//! Marks: steps of items that are updated in place.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use machine::{CommitError, Outcome, Transition};

use crate::commit::change;
use crate::error::StoreError;
use crate::item::s;
use crate::record::{Record, ends, head_item};
use crate::{Store, table};

impl Store {
    /// Writes a step of what keeps its history in itself and tells nobody anything: one update in place.
    ///
    /// A lost answer to an update that did apply is not read as losing: the update carries its own commit id.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if another writer was faster, [`CommitError::Store`] if the database failed.
    pub async fn mark<M: Record>(&self, step: Transition<M>) -> Result<(), CommitError> {
        let (from, to) = ends(step.from(), step.to());
        let begun = std::time::Instant::now();
        let done = self.mark_once(step).await;
        let outcome = match &done {
            Ok(()) => Outcome::Success,
            Err(CommitError::Conflict) => Outcome::Conflict,
            Err(CommitError::Store(_)) => Outcome::Error,
        };
        self.observe.transition(M::MACHINE, from, to, outcome, begun.elapsed().as_secs_f64());
        done
    }

    async fn mark_once<M: Record>(&self, step: Transition<M>) -> Result<(), CommitError> {
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
