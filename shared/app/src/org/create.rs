//! Creates the organisation of an installation with its owner, who is the fallback contact, and an API key.
//!
//! `cargo local` calls this on an empty directory, and `setup` when a stack is deployed.

use domain::access::KeyRole;
use domain::api_key::ApiKey;
use domain::audit::{AuditAction, AuditEntry};
use domain::id::{ApiKeyId, AuditId, OrgId};
use domain::org::Org;
use domain::user::Role;
use domain::{Identity, Timestamp};
use machine::CommitError;
use secrecy::{ExposeSecret, SecretString};
use store::{Commit, Store};
use tracing::instrument;

use crate::seal::Seal;
use crate::user::create::{NewUser, check_email, person};
use crate::{AppError, Random};

/// A new organisation.
#[derive(Debug, Clone)]
pub struct NewOrg {
    /// Its name.
    pub name: String,
    /// The owner's name.
    pub owner_name: String,
    /// The owner's email address.
    pub owner_email: String,
    /// The first API key, if the owner has one already; otherwise one is generated.
    pub api_key: Option<SecretString>,
}

/// The result of creating an organisation.
#[derive(Debug, Clone)]
pub enum CreatedOrg {
    /// The organisation is new. The API key is shown once; only its hash is stored.
    New {
        /// The organisation.
        org: Box<Org>,
        /// The API key.
        api_key: String,
    },
    /// The installation already has an organisation.
    Existing(OrgId),
}

/// Creates the organisation once; a second call changes nothing.
///
/// # Errors
/// [`AppError::Invalid`] if the owner's address is none; any other if the store failed.
#[instrument(skip_all)]
pub async fn create(
    store: &Store,
    seal: &Seal,
    new: &NewOrg,
    random: &Random,
    now: Timestamp,
) -> Result<CreatedOrg, AppError> {
    if let Some(org) = store.home().await? {
        return Ok(CreatedOrg::Existing(org));
    }
    check_email("owner_email", &new.owner_email)?;
    let (org, api_key, commit) = begin(seal, new, random, now);
    match store.commit(commit.home(&org)).await {
        Ok(()) => Ok(CreatedOrg::New { org: Box::new(org), api_key }),
        Err(CommitError::Conflict) => {
            let there = store.home().await?.ok_or(AppError::Conflict)?;
            Ok(CreatedOrg::Existing(there))
        }
        Err(error) => Err(error.into()),
    }
}

/// Creates another organisation in the installation, and returns it with its API key.
///
/// # Errors
/// [`AppError::Invalid`] if somebody has the owner's address already.
#[instrument(skip_all)]
pub async fn create_beside(
    store: &Store,
    seal: &Seal,
    new: &NewOrg,
    random: &Random,
    now: Timestamp,
) -> Result<(Org, String), AppError> {
    let (org, api_key, commit) = begin(seal, new, random, now);
    match store.commit(commit.org(&org)).await {
        Ok(()) => Ok((org, api_key)),
        Err(CommitError::Conflict) => {
            Err(AppError::invalid("owner_email", "another user has this email address"))
        }
        Err(error) => Err(error.into()),
    }
}

/// A new organisation, its API key, and a commit with its owner and key.
fn begin(seal: &Seal, new: &NewOrg, random: &Random, now: Timestamp) -> (Org, String, Commit) {
    let owner = NewUser { name: new.owner_name.clone(), email: new.owner_email.clone(), role: Role::Owner };
    let owner = person(&owner, random, now);
    let org = Org::new(OrgId::new(now, random()), new.name.clone(), owner.id);
    let api_key = match &new.api_key {
        Some(given) => given.expose_secret().to_owned(),
        None => format!("fb_{}", seal.random_token(30)),
    };
    let key = first_key(domain::api_key::hash(&api_key), random, now);
    let entry =
        |thing| AuditEntry::by_system(org.id, PART, AuditId::new(now, random()), AuditAction::Created, thing);
    let commit = Commit::new()
        .new_user(&owner, &entry(crate::user::thing(&owner)))
        .new_api_key(&key, &entry(crate::api_key::thing(&key)));
    (org, api_key, commit)
}

/// The actor in the audit log.
const PART: &str = "setup";

/// The first API key of an organisation, with every role.
fn first_key(hash: String, random: &Random, now: Timestamp) -> ApiKey {
    ApiKey {
        id: ApiKeyId::new(now, random()),
        name: "first key".to_owned(),
        comments: String::new(),
        roles: KeyRole::all(),
        hash,
        creator: Identity::system(PART),
        created_at: now,
        issued_at: now,
        version: 1,
    }
}

/// Adds an API key to an existing organisation, once, and returns its id.
///
/// An organisation that outlived its stack is reached with the key of the next stack.
///
/// # Errors
/// [`AppError`] if the store failed, or the key is another organisation's.
#[instrument(skip_all)]
pub async fn admit(
    store: &Store,
    org: OrgId,
    api_key: &SecretString,
    random: &Random,
    now: Timestamp,
) -> Result<ApiKeyId, AppError> {
    let hash = domain::api_key::hash(api_key.expose_secret());
    let there = match store.key_holder(&hash).await? {
        Some(there) => there,
        None => {
            let key = first_key(hash.clone(), random, now);
            let thing = crate::api_key::thing(&key);
            let entry =
                AuditEntry::by_system(org, PART, AuditId::new(now, random()), AuditAction::Created, thing);
            match store.commit(Commit::new().new_api_key(&key, &entry)).await {
                Ok(()) => key.holder(org),
                Err(CommitError::Conflict) => store.key_holder(&hash).await?.ok_or(AppError::Conflict)?,
                Err(error) => return Err(error.into()),
            }
        }
    };
    if there.org == org {
        Ok(there.id)
    } else {
        Err(AppError::invalid("api_key", "another organisation has this API key"))
    }
}
