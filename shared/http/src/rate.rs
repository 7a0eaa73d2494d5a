//! Rate limits of API keys: a token bucket for each key.
//!
//! Every function, and every instance of it on Lambda, has its own buckets. They prevent one client from starving the
//! others, but do not count exactly.

use domain::Timestamp;
use domain::id::ApiKeyId;
use http::{HeaderMap, HeaderValue};
use jiff::SignedDuration;

use crate::bounded_cache::BoundedCache;

/// A rate limit: a number of requests at once, which become available again over a minute.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Requests per minute.
    pub(crate) per_minute: u32,
    /// The value of the header `X-RateLimit-Limit`.
    header: &'static str,
}

/// The limit for all requests of a key.
pub(crate) static REQUESTS: Limit = Limit { per_minute: 1200, header: "1200, 1200;window=60" };
/// The limit for escalations that a key creates.
pub(crate) static ESCALATIONS: Limit = Limit { per_minute: 60, header: "60, 1200;window=60, 60;window=60" };

/// Most buckets. Beyond that, the bucket that was not used for the longest time is forgotten, and its key begins with a full bucket.
const CAPACITY: usize = 4096;

/// The rest of a limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    limit: &'static Limit,
    /// Number of requests left.
    pub(crate) remaining: u32,
    /// When all requests are available again.
    full_at: Timestamp,
    /// When the next request is possible.
    pub(crate) next_at: Timestamp,
}

/// The content of a bucket at a time.
#[derive(Clone)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

/// The buckets of all keys.
pub(crate) struct Rate(BoundedCache<(u32, ApiKeyId), Bucket>);

impl Default for Rate {
    fn default() -> Self {
        Self(BoundedCache::new(CAPACITY))
    }
}

impl Rate {
    /// Takes one request out of a bucket, and returns what is left.
    ///
    /// # Errors
    /// The allowance if the bucket is empty.
    pub(crate) fn take(
        &self,
        limit: &'static Limit,
        key: ApiKeyId,
        now: Timestamp,
    ) -> Result<Allowance, Allowance> {
        let (most, a_second) = (f64::from(limit.per_minute), f64::from(limit.per_minute) / 60.0);
        let (allowed, tokens) = self.0.update(|buckets| {
            let full = || Bucket { tokens: most, at: now };
            let bucket = buckets.get_or_insert_mut((limit.per_minute, key), full);
            let passed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
            bucket.tokens = most.min(bucket.tokens + passed * a_second);
            bucket.at = now;
            let allowed = bucket.tokens >= 1.0;
            if allowed {
                bucket.tokens -= 1.0;
            }
            (allowed, bucket.tokens)
        });
        let wait = |tokens: f64| {
            let seconds = SignedDuration::try_from_secs_f64((tokens / a_second).max(0.0)).unwrap_or_default();
            now.saturating_add(seconds).unwrap_or(now)
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and the limit")]
        let remaining = tokens as u32;
        let allowance =
            Allowance { limit, remaining, full_at: wait(most - tokens), next_at: wait(1.0 - tokens) };
        if allowed { Ok(allowance) } else { Err(allowance) }
    }
}

impl Allowance {
    /// The number of requests per minute.
    pub(crate) const fn per_minute(&self) -> u32 {
        self.limit.per_minute
    }

    /// Writes the headers that describe the allowance to the client.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let whole_second = self.full_at.as_second() + i64::from(self.full_at.subsec_nanosecond() > 0);
        headers.insert("x-ratelimit-limit", HeaderValue::from_static(self.limit.header));
        headers.insert("x-ratelimit-remaining", self.remaining.into());
        headers.insert("x-ratelimit-used", (self.limit.per_minute - self.remaining).into());
        headers.insert("x-ratelimit-reset", whole_second.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_secs_f64(seconds)
    }

    #[test]
    fn bucket_empties_at_once_and_fills_by_the_second() {
        let (rate, key) = (Rate::default(), ApiKeyId::new(at(0.0), 1));

        for n in 1..=60 {
            assert_eq!(rate.take(&ESCALATIONS, key, at(0.0)).unwrap().remaining, 60 - n);
        }
        let refused = rate.take(&ESCALATIONS, key, at(0.0)).unwrap_err();
        assert_eq!((refused.next_at, refused.full_at), (at(1.0), at(60.0)));
        assert!(rate.take(&ESCALATIONS, key, at(0.5)).is_err());
        assert!(rate.take(&ESCALATIONS, key, at(1.0)).is_ok());
        assert!(rate.take(&ESCALATIONS, key, at(1.0)).is_err());
        assert!(
            rate.take(&ESCALATIONS, ApiKeyId::new(at(0.0), 2), at(1.0)).is_ok(),
            "another key has its own"
        );
        assert!(rate.take(&REQUESTS, key, at(1.0)).is_ok(), "another limit has its own");
    }

    #[test]
    fn clock_that_steps_back_takes_nothing_away() {
        let (rate, key) = (Rate::default(), ApiKeyId::new(at(0.0), 1));
        rate.take(&REQUESTS, key, at(10.0)).unwrap();

        assert_eq!(rate.take(&REQUESTS, key, at(0.0)).unwrap().remaining, 1198);
    }
}
