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
use domain::audit::{AuditAction, AuditTarget, Entry, Kind, changes};
use domain::id::{AuditId, OrgId, SourceId};
use domain::source::{Source, SourceKind, SourceState, Template};
use machine::{Stateful, Transition};
use secrecy::{ExposeSecret, SecretString};
use store::{Commit, Store};

use crate::seal::Seal;
use crate::{AppError, Random};

/// The place that a source's secret is sealed for.
fn place(id: SourceId) -> String {
    format!("source/{id}")
}

/// Seals a source's secret, for this source alone.
pub fn seal_secret(seal: &Seal, id: SourceId, secret: &str) -> String {
    seal.seal(&place(id), secret)
}

/// How long a secret may be that its sender made: no longer than a header takes, no shorter than can be guessed.
const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 16..=256;

/// Says what is wrong with a secret that a sender made.
///
/// # Errors
/// [`AppError::Invalid`] if it could be guessed, or could not stand in a header.
pub fn check_secret(secret: &SecretString) -> Result<(), AppError> {
    let secret = secret.expose_secret();
    if SECRET_LENGTH.contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let (least, most) = (SECRET_LENGTH.start(), SECRET_LENGTH.end());
    Err(AppError::invalid(
        "secret_token",
        format!("a secret has {least} to {most} letters, digits and signs"),
    ))
}

/// Says what is wrong with the attributes that a template binds.
///
/// # Errors
/// [`AppError::Invalid`] if there is none of such an id, or it has another type than what is bound.
pub async fn check_attributes(store: &Store, org: OrgId, template: &Template) -> Result<(), AppError> {
    if template.attributes.is_empty() {
        return Ok(());
    }
    let known = store.choices::<Attribute>(org).await?;
    let fits = template.fits(&known).map_err(|misfit| misfit.within("template"));
    fits.map_err(|misfit| AppError::invalid(misfit.at, misfit.reason))
}

/// The hash of a secret that leads to a source by itself, if the source is of such a kind.
pub fn key_of(kind: &SourceKind, secret: &SecretString) -> Option<String> {
    let kind = sources::Kind::try_from(kind).ok()?.get();
    kind.is_found_by_its_secret().then(|| sources::key_hash(kind.kind(), secret.expose_secret().as_bytes()))
}

/// The hash of a secret that is to lead to a source by itself, if the source is of such a kind.
///
/// # Errors
/// [`AppError::Invalid`] if it leads to another one.
async fn own_key(
    store: &Store,
    id: SourceId,
    kind: &SourceKind,
    secret: &SecretString,
) -> Result<Option<String>, AppError> {
    let Some(hash) = key_of(kind, secret) else { return Ok(None) };
    match store.door_of_key(&hash).await? {
        Some(door) if door.id != id => {
            Err(AppError::invalid("secret_token", "another alert source has this key"))
        }
        Some(_) | None => Ok(Some(hash)),
    }
}

/// Opens a source's secret.
///
/// # Errors
/// [`AppError::Unavailable`] if it was sealed under another key.
pub fn open_secret(seal: &Seal, id: SourceId, sealed: &str) -> Result<SecretString, AppError> {
    seal.open(&place(id), sealed)
        .map_err(|unopened| AppError::Unavailable { what: "opening a secret", source: Box::new(unopened) })
}

/// Says whether a source has this secret already; one that cannot be opened is another.
fn has_secret(seal: &Seal, source: &Source, secret: &SecretString) -> bool {
    let current = open_secret(seal, source.id, &source.secret);
    current.is_ok_and(|current| current.expose_secret() == secret.expose_secret())
}

/// Writes a step of a source together with what is told of it, and says what it is now.
async fn commit(
    store: &Store,
    allowed: Allowed<'_>,
    before: &Source,
    step: Transition<Source>,
    (random, now): (&Random, Timestamp),
) -> Result<Source, AppError> {
    let after = step.after().clone();
    let entry = Entry::of(&allowed, AuditId::new(now, random()), AuditAction::Updated, thing(&after))
        .changing(changes(Some(before), Some(&after)));
    store.commit(Commit::new().source(step, Some(before), &entry)).await?;
    Ok(after)
}

/// A source, as the audit log names it.
fn thing(source: &Source) -> AuditTarget {
    AuditTarget::new(Kind::AlertSource, source.id, &source.name)
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
