//! Requests a sign-in link.

use domain::Timestamp;
use domain::id::SignInId;
use domain::sign_in::SignIn;
use domain::trace::Trace;
use jiff::SignedDuration;
use store::{Commit, Store};
use tracing::instrument;

use crate::user::create::check_email;
use crate::{AppError, Random};

/// The most links for one email address within a period.
const PER_ADDRESS: (u32, SignedDuration) = (5, SignedDuration::from_mins(15));
/// The most links that one network address may request within a period.
const PER_PLACE: (u32, SignedDuration) = (30, SignedDuration::from_mins(15));

/// The result of a request. It does not reveal whether a user has the email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRequest {
    /// If a user has this email address, a link is sent to it.
    Noted,
    /// This network address requested too many links.
    TooMany,
}

/// Requests a sign-in link. `send.rs` finds the person later, so that every email address takes the same time here.
///
/// # Errors
/// [`AppError::Invalid`] if the email address is invalid.
#[instrument(skip_all)]
pub async fn ask(
    store: &Store,
    email: &str,
    place: &str,
    trace: Trace,
    random: &Random,
    now: Timestamp,
) -> Result<LinkRequest, AppError> {
    let email = email.trim().to_lowercase();
    check_email("email", &email)?;
    if !store.may_once_more(&format!("sign-in place {place}"), PER_PLACE, now).await? {
        return Ok(LinkRequest::TooMany);
    }
    // The answer is the same as for a link, so that it does not reveal how often others asked.
    if !store.may_once_more(&format!("sign-in address {email}"), PER_ADDRESS, now).await? {
        return Ok(LinkRequest::Noted);
    }
    let asked = SignIn::asked(SignInId::new(now, random()), email, trace)?;
    store.commit(Commit::new().transition(asked)).await?;
    Ok(LinkRequest::Noted)
}
