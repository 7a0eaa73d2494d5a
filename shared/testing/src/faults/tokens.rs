//! Tokens of transactions, which last ten minutes of the story's time.

use std::collections::HashMap;

use embedded::AwsCall;
use serde::Deserialize;
use serde_json::Value;

/// How long a token is good for, in milliseconds.
const LASTS_MS: i64 = 10 * 60 * 1000;

/// The tokens seen. The database forgets them by the machine's time; stories have their own.
#[derive(Default)]
pub(super) struct Tokens {
    seen: HashMap<String, Seen>,
}

/// A token's first use, and how often it expired.
struct Seen {
    at: i64,
    expired: u32,
}

/// As much of a transaction as is of interest.
#[derive(Deserialize)]
struct Transaction {
    #[serde(rename = "ClientRequestToken")]
    token: Option<String>,
}

impl Tokens {
    /// Rewrites a transaction whose token has expired before, so that the database takes it for a new one, and tells
    /// whether it was now that it expired.
    pub(super) fn renew(&mut self, call: AwsCall<'_>, now: i64) -> Option<(Vec<u8>, bool)> {
        if call.operation != "TransactWriteItems" {
            return None;
        }
        let token = serde_json::from_slice::<Transaction>(call.body).ok()?.token?;
        let seen = self.seen.entry(token.clone()).or_insert(Seen { at: now, expired: 0 });
        let expired = now - seen.at >= LASTS_MS;
        if expired {
            seen.at = now;
            seen.expired += 1;
        }
        if seen.expired == 0 {
            return None;
        }
        let mut request: Value = serde_json::from_slice(call.body).ok()?;
        // A token has at most 36 characters.
        request["ClientRequestToken"] =
            format!("{:x}", md5::compute(format!("{token}#{}", seen.expired))).into();
        Some((serde_json::to_vec(&request).ok()?, expired))
    }
}
