//! Client tokens of transactions: they last ten minutes of the story's time.

use std::collections::HashMap;

use embedded::AwsCall;
use serde::Deserialize;
use serde_json::Value;

/// How long a token is valid, in milliseconds.
const LASTS_MS: i64 = 10 * 60 * 1000;

/// The tokens that were used. The database forgets them by the machine's clock; a story has its own clock.
#[derive(Default)]
pub(super) struct Tokens {
    seen: HashMap<String, TokenUse>,
}

/// A token's first use, and how often it expired.
struct TokenUse {
    at: i64,
    expired: u32,
}

/// The field of a transaction that is read.
#[derive(Deserialize)]
struct Transaction {
    #[serde(rename = "ClientRequestToken")]
    token: Option<String>,
}

impl Tokens {
    /// Rewrites a transaction whose token has expired, so that the database takes it for a new one. Returns the
    /// body, and whether the token expired just now.
    pub(super) fn renew(&mut self, call: AwsCall<'_>, now: i64) -> Option<(Vec<u8>, bool)> {
        if call.operation != "TransactWriteItems" {
            return None;
        }
        let token = serde_json::from_slice::<Transaction>(call.body).ok()?.token?;
        let seen = self.seen.entry(token.clone()).or_insert(TokenUse { at: now, expired: 0 });
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
