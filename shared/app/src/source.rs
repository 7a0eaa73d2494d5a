//! Alert sources.

pub mod create;
pub mod destroy;
pub mod seen;
pub mod update;

use domain::audit::{Kind, Thing};
use domain::id::{OrgId, SourceId};
use domain::source::{Source, SourceState};
use machine::Stateful;
use secrecy::SecretString;
use store::Store;

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

/// A source, as the audit log names it.
fn thing(source: &Source) -> Thing {
    Thing::new(Kind::AlertSource, source.id, &source.name)
}

/// Finds a source that is still there.
///
/// # Errors
/// [`AppError::NotFound`] if there is none, or it was destroyed.
pub async fn find(store: &Store, org: OrgId, id: SourceId) -> Result<Source, AppError> {
    let source =
        store.source(org, id).await?.filter(|source| source.head().state() != SourceState::Destroyed);
    source.ok_or_else(|| AppError::not_found("alert source", id))
}
