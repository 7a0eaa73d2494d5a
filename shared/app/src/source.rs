//! Alert sources.

pub mod create;
pub mod seen;

use domain::id::SourceId;
use secrecy::SecretString;

use crate::AppError;
use crate::seal::Seal;

/// The place that a source's secret is sealed for.
fn place(id: SourceId) -> String {
    format!("source/{id}")
}

/// Seals a source's secret, for this source alone.
pub fn seal_secret(seal: &Seal, id: SourceId, secret: &str) -> String {
    seal.seal(&place(id), secret)
}

/// Opens a source's secret.
///
/// # Errors
/// [`AppError::Unavailable`] if it was sealed under another key.
pub fn open_secret(seal: &Seal, id: SourceId, sealed: &str) -> Result<SecretString, AppError> {
    seal.open(&place(id), sealed)
        .map_err(|unopened| AppError::Unavailable { what: "opening a secret", source: Box::new(unopened) })
}
