//! Receives messages: groups are served in turn, and messages received too often go to the dead-letter queue.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Message, QueueError, QueueSpec, Queues, RETENTION_MS, message_id};

/// How often expired messages of a queue are deleted, at most.
const SWEEP_EVERY_MS: i64 = 60_000;

/// The next message to receive.
struct NextMessage {
    seq: i64,
    body: String,
    sent_at: i64,
    receives: u32,
    receipt: i64,
    first_received_at: Option<i64>,
}

impl Queues {
    /// Receives up to `max` messages, hiding them for the queue's visibility timeout.
    ///
    /// Groups are served in turn, one message each; within a group, the one visible longest is first. A message that
    /// was received `max_receive_count` times already goes to the dead-letter queue instead.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue.
    pub fn receive(&self, queue: &str, max: usize) -> Result<Vec<Message>, QueueError> {
        let timeout = i64::from(self.spec(queue)?.visibility_timeout_s);
        self.receive_for(queue, max, timeout)
    }

    /// Receives as [`Self::receive`], with a visibility timeout of its own.
    ///
    /// # Errors
    ///
    /// As [`Self::receive`].
    pub fn receive_for(&self, queue: &str, max: usize, timeout_s: i64) -> Result<Vec<Message>, QueueError> {
        let spec = self.spec(queue)?;
        let now = self.now();
        let mut state = self.state();
        let state = &mut *state;
        // Most calls find no message. They must not write.
        if !has_visible(&state.db, queue, now)? {
            return Ok(Vec::new());
        }
        let sweep = state.swept.get(queue).is_none_or(|last| now - last >= SWEEP_EVERY_MS);
        let transaction = state.db.transaction()?;
        if sweep {
            transaction
                .prepare_cached("DELETE FROM message WHERE queue = ?1 AND sent_at < ?2")?
                .execute(params![queue, now - RETENTION_MS])?;
            state.swept.insert(queue.to_owned(), now);
        }
        let mut messages = Vec::new();
        let mut moved_to = None;
        while messages.len() < max {
            let last = state.turns.get(queue).map_or("", String::as_str);
            let Some(group) = next_group(&transaction, queue, last, now)? else { break };
            let Some(next) = next_message(&transaction, queue, &group, now)? else { break };
            state.turns.insert(queue.to_owned(), group.clone());
            match dead_letter(spec, &next) {
                Some(dead_letter) => {
                    move_to_dead_letter(&transaction, next.seq, dead_letter, now)?;
                    moved_to = Some(dead_letter.to_owned());
                }
                None => messages.push(hide(&transaction, next, group, now, timeout_s)?),
            }
        }
        transaction.commit()?;
        if let Some(dead_letter) = moved_to {
            self.wake(&dead_letter);
        }
        Ok(messages)
    }
}

/// Whether a message of the queue can be received.
fn has_visible(db: &Connection, queue: &str, now: i64) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM message WHERE queue = ?1 AND visible_at <= ?2 LIMIT 1")?
        .exists(params![queue, now])
}

/// The group whose turn it is: the next one by name with a visible message, and the first one again after the last.
fn next_group(db: &Connection, queue: &str, last: &str, now: i64) -> rusqlite::Result<Option<String>> {
    let mut after = db.prepare_cached(
        "SELECT grp FROM message WHERE queue = ?1 AND grp > ?2 AND visible_at <= ?3 ORDER BY grp LIMIT 1",
    )?;
    let next = after.query_row(params![queue, last, now], |row| row.get(0)).optional()?;
    if next.is_some() {
        return Ok(next);
    }
    let mut first = db.prepare_cached(
        "SELECT grp FROM message WHERE queue = ?1 AND visible_at <= ?2 ORDER BY grp LIMIT 1",
    )?;
    first.query_row(params![queue, now], |row| row.get(0)).optional()
}

/// The message of a group that has been visible longest.
fn next_message(
    db: &Connection,
    queue: &str,
    group: &str,
    now: i64,
) -> rusqlite::Result<Option<NextMessage>> {
    let mut find = db.prepare_cached(
        "SELECT seq, body, sent_at, receives, receipt, first_received_at FROM message
         WHERE queue = ?1 AND grp = ?2 AND visible_at <= ?3 ORDER BY visible_at, seq LIMIT 1",
    )?;
    find.query_row(params![queue, group, now], |row| {
        Ok(NextMessage {
            seq: row.get(0)?,
            body: row.get(1)?,
            sent_at: row.get(2)?,
            receives: row.get(3)?,
            receipt: row.get(4)?,
            first_received_at: row.get(5)?,
        })
    })
    .optional()
}

/// The dead-letter queue of a message that was received too often; `None` if it may be received again.
fn dead_letter<'a>(spec: &'a QueueSpec, next: &NextMessage) -> Option<&'a str> {
    spec.dead_letter.as_deref().filter(|_| next.receives >= spec.max_receive_count)
}

/// Moves a message to the dead-letter queue. It keeps its age, and its count of receives starts again.
fn move_to_dead_letter(db: &Connection, seq: i64, dead_letter: &str, now: i64) -> rusqlite::Result<()> {
    // The receipt handle changes too: a consumer with the old one must not delete the message there.
    db.prepare_cached(
        "UPDATE message SET queue = ?2, visible_at = ?3, receives = 0, receipt = receipt + 1,
                first_received_at = NULL WHERE seq = ?1",
    )?
    .execute(params![seq, dead_letter, now])?;
    Ok(())
}

/// Hides a message for its visibility timeout, and returns it with a new receipt handle.
fn hide(
    db: &Connection,
    next: NextMessage,
    group: String,
    now: i64,
    timeout_s: i64,
) -> rusqlite::Result<Message> {
    let receipt = next.receipt + 1;
    let receives = next.receives + 1;
    let first_received_at = next.first_received_at.unwrap_or(now);
    db.prepare_cached(
        "UPDATE message SET visible_at = ?2, receives = ?3, receipt = ?4, first_received_at = ?5 WHERE seq = ?1",
    )?
    .execute(params![next.seq, now + timeout_s * 1000, receives, receipt, first_received_at])?;
    Ok(Message {
        id: message_id(next.seq),
        receipt: format!("{}.{receipt}", next.seq),
        body: next.body,
        receives,
        group: Some(group).filter(|group| !group.is_empty()),
        sent_at: next.sent_at,
        first_received_at,
    })
}
