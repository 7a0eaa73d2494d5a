//! Asks for a link to sign in.

use domain::Timestamp;
use domain::id::SignInId;
use domain::sign_in::SignIn;
use domain::trace::Trace;
use jiff::SignedDuration;
use store::{Commit, Store};
use tracing::instrument;

use crate::user::create::check_email;
use crate::{AppError, Random};

/// How often a link may be asked for, for one address.
const PER_ADDRESS: (u32, SignedDuration) = (5, SignedDuration::from_mins(15));
/// How often links may be asked for from one place.
const PER_PLACE: (u32, SignedDuration) = (30, SignedDuration::from_mins(15));

/// The result. It does not reveal whether anybody has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// If somebody has this address, a link is mailed to them.
    Noted,
    /// Too many links were asked for from this place.
    TooMany,
}

/// Asks for a link. `send.rs` finds the person later: here every address takes the same time.
///
/// # Errors
/// [`AppError::Invalid`] if the address is no email address.
#[instrument(skip_all, err)]
pub async fn ask(
    store: &Store,
    email: &str,
    place: &str,
    trace: Trace,
    random: &Random,
    now: Timestamp,
) -> Result<Asked, AppError> {
    let email = email.trim().to_lowercase();
    check_email("email", &email)?;
    if !store.may_once_more(&format!("sign-in place {place}"), PER_PLACE, now).await? {
        return Ok(Asked::TooMany);
    }
    // The answer is the same as for a link, so that it does not reveal how often others asked.
    if !store.may_once_more(&format!("sign-in address {email}"), PER_ADDRESS, now).await? {
        return Ok(Asked::Noted);
    }
    let asked = SignIn::asked(SignInId::new(now, random()), email, trace)?;
    store.commit(Commit::new().transition(asked)).await?;
    Ok(Asked::Noted)
}
