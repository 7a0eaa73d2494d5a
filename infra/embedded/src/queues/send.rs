//! Sends messages.

use rusqlite::params;

use super::{MAX_BODY, MAX_DELAY_S, NewMessage, QueueError, Queues, SentMessage, message_id};

impl Queues {
    /// Sends one message, as [`Self::send_all`].
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue, the delay exceeds 900 s, or SQS would not accept the body.
    pub fn send(&self, queue: &str, message: NewMessage) -> Result<SentMessage, QueueError> {
        let mut sent = self.send_all(queue, std::slice::from_ref(&message))?;
        Ok(sent.remove(0))
    }

    /// Sends messages, all or none. They survive a killed process at once, and a power cut after [`Self::sync`].
    ///
    /// # Errors
    ///
    /// As [`Self::send`].
    pub fn send_all(&self, queue: &str, messages: &[NewMessage]) -> Result<Vec<SentMessage>, QueueError> {
        self.spec(queue)?;
        for message in messages {
            check(message)?;
        }
        let now = self.now();
        let mut state = self.state();
        let transaction = state.db.transaction()?;
        let mut sent = Vec::with_capacity(messages.len());
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO message (queue, grp, visible_at, body, sent_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for message in messages {
                let visible_at = now + message.delay_s * 1000;
                let group = message.group.as_deref().unwrap_or_default();
                let seq = insert.insert(params![queue, group, visible_at, message.body, now])?;
                sent.push(SentMessage { id: message_id(seq) });
            }
        }
        transaction.commit()?;
        drop(state);
        self.wake(queue);
        Ok(sent)
    }
}

/// Refuses messages that SQS refuses.
pub(crate) fn check(message: &NewMessage) -> Result<(), QueueError> {
    if !(0..=MAX_DELAY_S).contains(&message.delay_s) {
        return Err(QueueError::Invalid(format!(
            "value {} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= {MAX_DELAY_S}",
            message.delay_s
        )));
    }
    if message.body.is_empty() {
        return Err(QueueError::Invalid("the request must contain the parameter MessageBody".to_owned()));
    }
    if message.body.len() > MAX_BODY {
        return Err(QueueError::Invalid(format!(
            "one or more parameters are invalid. Reason: message must be shorter than {MAX_BODY} bytes"
        )));
    }
    if message.body.chars().any(forbidden) {
        return Err(QueueError::Invalid("invalid characters in the message body".to_owned()));
    }
    let group = message.group.as_deref();
    if group.is_some_and(|group| group.is_empty() || group.len() > 128 || !group.bytes().all(in_group)) {
        return Err(QueueError::Invalid(
            "MessageGroupId can only include printable ASCII, 1 to 128".to_owned(),
        ));
    }
    Ok(())
}

/// Whether SQS forbids a character in a body.
fn forbidden(c: char) -> bool {
    matches!(c, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether SQS allows a byte in a message group id: letters, digits and ASCII punctuation.
fn in_group(byte: u8) -> bool {
    byte.is_ascii_graphic()
}
