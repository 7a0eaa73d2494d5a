//! Starts a session for a person who was authenticated in another way.

use domain::audit::{AuditAction, AuditEntry};
use domain::id::AuditId;
use domain::session::Session;
use domain::sign_in::SignInPerson;
use domain::user::User;
use domain::{Actor, Timestamp};
use store::{Commit, Store};
use tracing::instrument;

use crate::seal::Seal;
use crate::{AppError, Random};

/// How many random bytes the token of a session has.
const TOKEN_BYTES: usize = 32;

/// A new session token, which the browser keeps.
pub(crate) fn token(seal: &Seal) -> String {
    seal.random_token(TOKEN_BYTES)
}

/// Adds a session and its entry in the audit log.
pub(crate) fn begun(
    commit: Commit,
    token: &str,
    (whom, user): (SignInPerson, &User),
    random: &Random,
    now: Timestamp,
) -> Commit {
    let actor = Actor::person(whom.org, user);
    let entry = AuditEntry::session(&actor, AuditId::new(now, random()), AuditAction::SignedIn, &user.name);
    commit.new_session(token, &Session::begin(whom, now)).audited(&entry)
}

/// Starts a session and returns the token that the browser keeps.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all)]
pub async fn begin(
    store: &Store,
    seal: &Seal,
    whose: (SignInPerson, &User),
    random: &Random,
    now: Timestamp,
) -> Result<String, AppError> {
    let token = token(seal);
    store.commit(begun(Commit::new(), &token, whose, random, now)).await?;
    Ok(token)
}
