//! Makes a link to sign in for a place where only the right person can read it.

use domain::Timestamp;
use domain::id::SignInId;
use domain::sign_in::{SignIn, SignInPerson};
use domain::trace::Trace;
use store::{Commit, Store};
use tracing::instrument;

use crate::seal::Seal;
use crate::{AppError, Random};

/// Makes a link that signs a person in, once. Everybody who can read it can use it.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all)]
pub async fn hand_over(
    store: &Store,
    seal: &Seal,
    public_url: &str,
    whom: SignInPerson,
    random: &Random,
    now: Timestamp,
) -> Result<String, AppError> {
    let id = SignInId::new(now, random());
    let made = SignIn::handed_over(id, whom, Trace::begin(random()))?;
    store.commit(Commit::new().transition(made)).await?;
    Ok(super::link(seal, public_url, id))
}
