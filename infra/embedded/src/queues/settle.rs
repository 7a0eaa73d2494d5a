//! Deletes received messages, and changes how long they are hidden.

use rusqlite::params;

use super::{MAX_VISIBILITY_S, QueueError, Queues};

impl Queues {
    /// Deletes the message of a receipt handle; returns whether it was deleted.
    ///
    /// If the message was received again, the receipt handle is stale: nothing is deleted, and that is not an error.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue or the receipt handle is invalid.
    pub fn delete(&self, queue: &str, receipt: &str) -> Result<bool, QueueError> {
        self.spec(queue)?;
        let (seq, number) = parse(receipt)?;
        let state = self.state();
        let deleted = state
            .db
            .prepare_cached("DELETE FROM message WHERE seq = ?1 AND receipt = ?2 AND queue = ?3")?
            .execute(params![seq, number, queue])?;
        Ok(deleted == 1)
    }

    /// Hides the message of a receipt handle for `timeout_s` from now; 0 makes it visible at once.
    ///
    /// # Errors
    ///
    /// Fails if the timeout exceeds 12 hours, there is no such queue, or the message is not in flight.
    pub fn change_visibility(&self, queue: &str, receipt: &str, timeout_s: i64) -> Result<(), QueueError> {
        self.spec(queue)?;
        if !(0..=MAX_VISIBILITY_S).contains(&timeout_s) {
            return Err(QueueError::Invalid(format!(
                "value {timeout_s} for parameter VisibilityTimeout is invalid. Reason: must be between 0 and \
                 {MAX_VISIBILITY_S}"
            )));
        }
        let (seq, number) = parse(receipt)?;
        let now = self.now();
        let state = self.state();
        let changed = state
            .db
            .prepare_cached(
                "UPDATE message SET visible_at = ?4
                 WHERE seq = ?1 AND receipt = ?2 AND queue = ?3 AND visible_at > ?5 AND receives > 0",
            )?
            .execute(params![seq, number, queue, now + timeout_s * 1000, now])?;
        drop(state);
        if changed == 0 {
            return Err(QueueError::NotInFlight(receipt.to_owned()));
        }
        // Consumers that sleep until the old time must read the queue again.
        self.wake(queue);
        Ok(())
    }
}

/// Parses a receipt handle: the row, and the number of the receive.
fn parse(receipt: &str) -> Result<(i64, i64), QueueError> {
    let bad = || QueueError::BadReceipt(receipt.to_owned());
    let (seq, number) = receipt.split_once('.').ok_or_else(bad)?;
    Ok((seq.parse().map_err(|_| bad())?, number.parse().map_err(|_| bad())?))
}
