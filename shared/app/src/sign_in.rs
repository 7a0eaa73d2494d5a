//! Signing in by a link, which is asked for, mailed, and used once.
//!
//! The link contains the id of its attempt and is signed. The table, the queues and the logs contain nothing that signs
//! anybody in.

pub mod ask;
pub mod enter;
pub mod hand_over;
pub mod send;

use std::str::FromStr;

use domain::id::SignInId;

use crate::link::LinkError;
use crate::seal::Seal;

/// The purpose of the signature.
const PURPOSE: &str = "sign-in";

/// The token of a link.
fn token(seal: &Seal, id: SignInId) -> String {
    format!("{id}.{}", seal.sign(PURPOSE, &id.to_string()))
}

/// A link to sign in.
fn link(seal: &Seal, public_url: &str, id: SignInId) -> String {
    format!("{public_url}/sign-in?token={}", token(seal, id))
}

/// Reads the id of the attempt from a token.
///
/// # Errors
/// [`LinkError::Forged`] if the signature is invalid.
pub fn read(seal: &Seal, token: &str) -> Result<SignInId, LinkError> {
    let (id, signature) = token.rsplit_once('.').ok_or(LinkError::Forged)?;
    if !seal.is_signed(PURPOSE, id, signature) {
        return Err(LinkError::Forged);
    }
    SignInId::from_str(id).map_err(|_| LinkError::Forged)
}
