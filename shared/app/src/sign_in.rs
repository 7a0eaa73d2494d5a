//! Signing in by a link: asked for, sent, used once.
//!
//! The link names its attempt and is signed, so that nothing in the table, a queue or a log lets anybody in.

pub mod ask;
pub mod enter;
pub mod hand_over;
pub mod send;

use std::str::FromStr;

use domain::id::SignInId;

use crate::link::LinkError;
use crate::seal::Seal;

/// What the signature is for.
const PURPOSE: &str = "sign-in";

/// The token of a link.
fn token(seal: &Seal, id: SignInId) -> String {
    format!("{id}.{}", seal.sign(PURPOSE, &id.to_string()))
}

/// A link to sign in.
fn link(seal: &Seal, public_url: &str, id: SignInId) -> String {
    format!("{public_url}/sign-in?token={}", token(seal, id))
}

/// Reads a token: the attempt that it names, if it is one of ours.
///
/// # Errors
/// [`LinkError::Forged`] if it is not.
pub fn read(seal: &Seal, token: &str) -> Result<SignInId, LinkError> {
    let (id, signature) = token.rsplit_once('.').ok_or(LinkError::Forged)?;
    if !seal.is_signed(PURPOSE, id, signature) {
        return Err(LinkError::Forged);
    }
    SignInId::from_str(id).map_err(|_| LinkError::Forged)
}
