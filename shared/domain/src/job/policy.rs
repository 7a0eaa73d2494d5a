//! How a job is woken, run and retried, and the numbers of each kind.

use jiff::SignedDuration;

/// How a worker learns of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// A message arrives when the job is due.
    AtDue,
    /// A message arrives at once; `due` is when the sweep checks whether it was lost.
    AtOnce,
    /// The sweep alone sends messages: the job moves often, and it does not matter if it is done some seconds late.
    Sweep,
}

/// How a worker does a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It loads the item, decides, and writes under a condition. The write is the whole effect.
    Decide,
    /// The work has an effect outside the table: the worker claims the job under a lease, does it, and marks the result.
    Attempt(Lease),
}

/// The numbers of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// How long a worker holds a claimed job; after that another worker takes the job.
    pub held_for: SignedDuration,
    /// How long the work may take.
    pub timeout: SignedDuration,
    /// How long the job waits after an attempt that did not succeed.
    pub backoff: Backoff,
}

/// How long a job waits after an attempt that did not succeed: each pause is twice as long as the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub first: SignedDuration,
    /// The longest pause that we choose.
    pub longest: SignedDuration,
    /// Which pauses of the other side we keep.
    pub retry_after: RetryAfter,
}

/// Which pauses we keep that the other side asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A pause of at most this long is kept; if it asks for longer, we choose ourselves.
    Within(SignedDuration),
    /// A longer pause is cut to this.
    Capped(SignedDuration),
}

/// The shortest pause, whatever the other side asks for.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

impl Backoff {
    /// The pause after an attempt, counted from 1, if the other side asked for a pause of its own.
    pub fn pause(&self, attempt: u16, asked: Option<SignedDuration>) -> SignedDuration {
        let doublings = u32::from(attempt.saturating_sub(1).min(10));
        let own = (self.first * 2_i32.pow(doublings)).min(self.longest);
        match (asked, self.retry_after) {
            (None, _) => own,
            (Some(asked), RetryAfter::Within(most)) if asked > most => own,
            (Some(asked), RetryAfter::Within(most) | RetryAfter::Capped(most)) => asked.clamp(SHORTEST, most),
        }
    }
}

/// How a job is woken, run and retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How a worker receives the job.
    pub wake: Wake,
    /// How a worker does it.
    pub run: Run,
    /// How long after it is due a second message checks whether the first one was lost.
    pub again: Option<SignedDuration>,
    /// The name of the message that carries the whole item, and of its field, so that the worker reads nothing.
    pub carried: Option<(&'static str, &'static str)>,
}

impl Policy {
    /// The numbers of its attempts, if it is done in attempts.
    pub const fn lease(&self) -> Option<Lease> {
        match self.run {
            Run::Decide => None,
            Run::Attempt(lease) => Some(lease),
        }
    }
}

/// A job that is a decision, and whose message arrives when it is due.
pub(super) const DECIDE: Policy = Policy { wake: Wake::AtDue, run: Run::Decide, again: None, carried: None };

/// A job that is a decision, and whose message arrives at once.
pub(super) const AT_ONCE: Policy = Policy { wake: Wake::AtOnce, ..DECIDE };

/// A job that is a decision, and that the sweep alone finds.
pub(super) const BY_SWEEP: Policy = Policy { wake: Wake::Sweep, ..DECIDE };

/// A notification. A provider may take ten seconds, which its channel sees to; its lease is twice as long.
pub(super) const NOTIFICATION: Lease = Lease {
    held_for: SignedDuration::from_secs(20),
    timeout: SignedDuration::from_secs(12),
    backoff: Backoff {
        first: SignedDuration::from_secs(2),
        longest: SignedDuration::from_secs(30),
        retry_after: RetryAfter::Within(SignedDuration::from_secs(60)),
    },
};

/// The email with a sign-in link. Somebody waits for it.
pub(super) const SIGN_IN_MAIL: Lease = Lease {
    held_for: SignedDuration::from_secs(20),
    timeout: SignedDuration::from_secs(12),
    backoff: Backoff {
        first: SignedDuration::from_secs(4),
        longest: SignedDuration::from_secs(60),
        retry_after: RetryAfter::Within(SignedDuration::from_secs(60)),
    },
};

/// The second message about a notification also finds a worker that claimed it and never came back.
pub(super) const NOTIFICATION_AGAIN: SignedDuration = SignedDuration::from_secs(25);

/// A step in Slack: the lease is twice what the calls of a step may take.
pub(super) const SLACK_STEP: Lease = Lease {
    held_for: SignedDuration::from_secs(40),
    timeout: SignedDuration::from_secs(18),
    backoff: Backoff {
        first: SignedDuration::from_secs(2),
        longest: SignedDuration::from_secs(30),
        retry_after: RetryAfter::Capped(LONGEST_DELAY),
    },
};

/// The longest time that a queue keeps a message back. What is due later is left to the sweep.
pub const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// A message that comes this much too early waits; one that comes earlier is left to the sweep.
pub const EARLY: SignedDuration = SignedDuration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_unless_the_other_side_asks_for_one() {
        let seconds = |pause: SignedDuration| pause.as_secs();
        let asked = |secs: i64| Some(SignedDuration::from_secs(secs));
        let own: Vec<i64> = (1..7).map(|n| seconds(SLACK_STEP.backoff.pause(n, None))).collect();

        assert_eq!(own, [2, 4, 8, 16, 30, 30]);
        assert_eq!(seconds(NOTIFICATION.backoff.pause(u16::MAX, None)), 30);
        let told = |asked| seconds(NOTIFICATION.backoff.pause(1, asked));
        assert_eq!([told(asked(0)), told(asked(60)), told(asked(61))], [1, 60, 2]);
        let told = |asked| seconds(SLACK_STEP.backoff.pause(1, asked));
        assert_eq!([told(asked(0)), told(asked(77)), told(asked(3600))], [1, 77, 900]);
    }
}
