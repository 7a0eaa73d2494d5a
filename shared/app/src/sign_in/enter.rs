//! Signs somebody in by their link. Using the link and beginning the session are one write.

use std::sync::Arc;

use domain::Timestamp;
use domain::sign_in::{SignIn, SignInPerson, SignInState};
use domain::user::User;
use machine::{Stateful, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use crate::link::LinkError;
use crate::seal::Seal;
use crate::{AppError, Random, session};

/// A valid link.
#[derive(Debug, Clone)]
pub struct Opened {
    sign_in: SignIn,
    /// The person and organisation that it signs in.
    pub whom: SignInPerson,
    /// The person.
    pub user: Arc<User>,
}

/// The reason why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// The link is invalid, expired or used.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The store failed, or other writers were faster.
    #[error(transparent)]
    App(#[from] AppError),
}

impl machine::IsConflict for EnterError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::App(AppError::Conflict))
    }
}

/// Checks a link without using it.
///
/// # Errors
/// [`EnterError::Link`] if the link is invalid, expired or used.
#[instrument(skip_all)]
pub async fn look(store: &Store, seal: &Seal, token: &str, now: Timestamp) -> Result<Opened, EnterError> {
    let id = super::read(seal, token)?;
    let sign_in = store.sign_in(id).await.map_err(AppError::from)?.ok_or(LinkError::Expired)?;
    if sign_in.head().state() == SignInState::Used {
        return Err(LinkError::Used.into());
    }
    let whom = sign_in.whom.filter(|_| sign_in.is_good(now)).ok_or(LinkError::Expired)?;
    let user = store.user(whom.org, whom.user).await.map_err(AppError::from)?;
    // The person may have been removed meanwhile.
    let user = Arc::new(user.ok_or(LinkError::Expired)?);
    Ok(Opened { sign_in, whom, user })
}

/// Uses a link. Returns the session token for the browser; the table holds only its hash.
///
/// # Errors
/// [`EnterError::Link`] if the link is invalid, expired or used.
#[instrument(skip_all)]
pub async fn enter(
    store: &Store,
    seal: &Seal,
    token: &str,
    random: &Random,
    now: Timestamp,
) -> Result<String, EnterError> {
    let kept = &session::begin::token(seal);
    retry_conflicts(|| async move {
        let Opened { sign_in, whom, user } = look(store, seal, token, now).await?;
        let used = sign_in.used(now).map_err(AppError::from)?;
        let commit = session::begin::begun(Commit::new().transition(used), kept, (whom, &*user), random, now);
        store.commit(commit).await.map_err(AppError::from)?;
        Ok(kept.clone())
    })
    .await
}
