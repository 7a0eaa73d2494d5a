//! Sessions, sign-in attempts and their rate limit.

use domain::Timestamp;
use domain::id::SignInId;
use domain::session::Session;
use domain::sign_in::SignIn;
use domain::text::fingerprint;
use jiff::SignedDuration;

use crate::error::StoreError;
use crate::item::{self, key_item, n};
use crate::table::{self, Lookup};
use crate::{Commit, Store};

/// The hash under which a session's token is stored.
fn hash(token: &str) -> String {
    fingerprint(token.as_bytes(), 64)
}

impl Store {
    /// An attempt to sign in.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn sign_in(&self, id: SignInId) -> Result<Option<SignIn>, StoreError> {
        self.load("attempt to sign in", &table::sign_in(id)).await
    }

    /// The session of a token, whether it is valid or not.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn session(&self, token: &str) -> Result<Option<Session>, StoreError> {
        self.load("session", &table::lookup(Lookup::Session, &hash(token))).await
    }

    /// Counts an action against a rate limit, and says whether it is allowed.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn may_once_more(
        &self,
        what: &str,
        (most, within): (u32, SignedDuration),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let window = now.as_second() / within.as_secs().max(1);
        let key = table::lookup(Lookup::RateLimit, &format!("{}#{window}", fingerprint(what.as_bytes(), 32)));
        let counted = self
            .dynamo
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key_item(&key)))
            .update_expression("ADD #n :one SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(#n) OR #n < :most")
            .expression_attribute_names("#n", "n")
            .expression_attribute_names("#ttl", table::TTL)
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":most", n(most))
            .expression_attribute_values(":ttl", n((now + within + within).as_second()))
            .send()
            .await;
        match counted {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::call("UpdateItem", error)),
        }
    }
}

impl Commit {
    /// Adds a new session, found by its token.
    pub fn new_session(self, token: &str, session: &Session) -> Self {
        let key = table::lookup(Lookup::Session, &hash(token));
        self.put_new(item::write("session", &key, session))
    }

    /// Adds the removal of a session.
    pub fn without_session(self, token: &str) -> Self {
        self.delete(&table::lookup(Lookup::Session, &hash(token)))
    }
}
