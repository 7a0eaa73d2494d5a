//! Alert sources.

pub mod activate;
pub mod backfill;
pub mod certificate;
pub mod confirm;
pub mod create;
pub mod destroy;
pub mod rotate;
pub mod seen;
pub mod switch;
pub mod update;

use domain::Timestamp;
use domain::access::Allowed;
use domain::alert::Attribute;
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget, changes};
use domain::id::{AuditId, OrgId, SourceId};
use domain::source::{Source, SourceKind, SourceState, Template};
use machine::{Stateful, Transition};
use secrecy::{ExposeSecret, SecretString};
use store::{Commit, Store};

use crate::seal::Seal;
use crate::{AppError, Random};

/// The context for which a source's secret is sealed.
fn place(id: SourceId) -> String {
    format!("source/{id}")
}

/// Seals a source's secret. It can only be opened for the same source.
pub fn seal_secret(seal: &Seal, id: SourceId, secret: &str) -> String {
    seal.seal(&place(id), secret)
}

/// Allowed length of a secret that the sender generated: short enough for a header, and too long to guess.
const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 16..=256;

/// Checks a secret that the sender generated.
///
/// # Errors
/// [`AppError::Invalid`] if the secret is too short to be safe, or cannot be sent in a header.
pub fn check_secret(secret: &SecretString) -> Result<(), AppError> {
    let secret = secret.expose_secret();
    if SECRET_LENGTH.contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let (least, most) = (SECRET_LENGTH.start(), SECRET_LENGTH.end());
    Err(AppError::invalid(
        "secret_token",
        format!("a secret must have {least} to {most} letters, digits and signs"),
    ))
}

/// Checks the attributes that a template binds.
///
/// # Errors
/// [`AppError::Invalid`] if there is no attribute with such an id, or its type does not match the binding.
pub async fn check_attributes(store: &Store, org: OrgId, template: &Template) -> Result<(), AppError> {
    if template.attributes.is_empty() {
        return Ok(());
    }
    let known = store.choices::<Attribute>(org).await?;
    let fits = template.fits(&known).map_err(|misfit| misfit.within("template"));
    fits.map_err(|misfit| AppError::invalid(misfit.at, misfit.reason))
}

/// The hash of a secret by which its source is found. `None` for kinds whose sources are not found by their secret.
pub fn key_of(kind: &SourceKind, secret: &SecretString) -> Option<String> {
    let kind = sources::Kind::try_from(kind).ok()?.get();
    kind.is_found_by_secret().then(|| sources::secret_hash(kind.kind(), secret.expose_secret().as_bytes()))
}

/// The hash of a new secret by which its source is found. `None` for kinds whose sources are not found by their secret.
///
/// # Errors
/// [`AppError::Invalid`] if the secret already belongs to another source.
async fn own_key(
    store: &Store,
    id: SourceId,
    kind: &SourceKind,
    secret: &SecretString,
) -> Result<Option<String>, AppError> {
    let Some(hash) = key_of(kind, secret) else { return Ok(None) };
    match store.door_of_key(&hash).await? {
        Some(door) if door.id != id => {
            Err(AppError::invalid("secret_token", "another alert source already has this secret"))
        }
        Some(_) | None => Ok(Some(hash)),
    }
}

/// Decrypts a source's secret.
///
/// # Errors
/// [`AppError::Unavailable`] if it was sealed under another key.
pub fn open_secret(seal: &Seal, id: SourceId, sealed: &str) -> Result<SecretString, AppError> {
    seal.open(&place(id), sealed)
        .map_err(|unopened| AppError::Unavailable { what: "opening a secret", source: Box::new(unopened) })
}

/// Whether a source already has this secret. A secret that cannot be decrypted counts as another one.
fn has_secret(seal: &Seal, source: &Source, secret: &SecretString) -> bool {
    let current = open_secret(seal, source.id, &source.secret);
    current.is_ok_and(|current| current.expose_secret() == secret.expose_secret())
}

/// Writes a change of a source together with its audit entry, and returns the changed source.
async fn commit(
    store: &Store,
    allowed: Allowed<'_>,
    before: &Source,
    step: Transition<Source>,
    (random, now): (&Random, Timestamp),
) -> Result<Source, AppError> {
    let after = step.after().clone();
    let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Updated, thing(&after))
        .changing(changes(Some(before), Some(&after)));
    store.commit(Commit::new().source(step, Some(before), &entry)).await?;
    Ok(after)
}

/// The name of a source in the audit log.
fn thing(source: &Source) -> AuditTarget {
    AuditTarget::new(AuditKind::AlertSource, source.id, &source.name)
}

/// Finds a source that was not deleted.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source, or it was deleted.
pub async fn find(store: &Store, org: OrgId, id: SourceId) -> Result<Source, AppError> {
    let source =
        store.source(org, id).await?.filter(|source| source.head().state() != SourceState::Destroyed);
    source.ok_or_else(|| AppError::not_found("alert source", id))
}
