//! Creates the organisation of an installation: its owner, who is the fallback contact, and an API key.
//!
//! Whoever sets an installation up calls this: `cargo local` on an empty directory, `setup` when a stack is deployed.

use domain::Timestamp;
use domain::id::{ApiKeyId, OrgId};
use domain::org::Org;
use domain::user::Role;
use machine::CommitError;
use secrecy::{ExposeSecret, SecretString};
use store::{Commit, KeyHolder, Store};
use tracing::instrument;

use crate::seal::Seal;
use crate::user::create::{NewUser, check_email, person};
use crate::{AppError, Random};

/// What an organisation begins with.
#[derive(Debug, Clone)]
pub struct NewOrg {
    /// Its name.
    pub name: String,
    /// The owner's name.
    pub owner_name: String,
    /// The owner's address.
    pub owner_email: String,
    /// Its first API key, where the owner was given one already; otherwise one is made.
    pub api_key: Option<SecretString>,
}

/// What was created.
#[derive(Debug, Clone)]
pub enum Created {
    /// It is new; the API key is shown once and kept only as a hash.
    New {
        /// The organisation.
        org: Org,
        /// The API key.
        api_key: String,
    },
    /// There was one already.
    There(OrgId),
}

/// The hash under which an API key is kept.
pub fn api_key_hash(key: &str) -> String {
    domain::text::fingerprint(key.as_bytes(), 64)
}

/// Creates the organisation, once; doing it again changes nothing.
///
/// # Errors
/// [`AppError::Invalid`] if the owner's address is none; any other if the store failed.
#[instrument(skip_all, err)]
pub async fn create(
    store: &Store,
    seal: &Seal,
    new: &NewOrg,
    random: &Random,
    now: Timestamp,
) -> Result<Created, AppError> {
    if let Some(org) = store.home().await? {
        return Ok(Created::There(org));
    }
    check_email("owner_email", &new.owner_email)?;
    let (org, api_key, commit) = begin(seal, new, random, now);
    match store.commit(commit.home(&org)).await {
        Ok(()) => Ok(Created::New { org, api_key }),
        Err(CommitError::Conflict) => {
            let there = store.home().await?.ok_or(AppError::Conflict)?;
            Ok(Created::There(there))
        }
        Err(error) => Err(error.into()),
    }
}

/// Creates an organisation beside the one of the installation; returns it and its API key.
///
/// # Errors
/// [`AppError::Invalid`] if somebody has the owner's address already.
#[instrument(skip_all, err)]
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
            Err(AppError::invalid("owner_email", "somebody has this address already"))
        }
        Err(error) => Err(error.into()),
    }
}

/// An organisation, its key, and the rows of its owner and its key.
fn begin(seal: &Seal, new: &NewOrg, random: &Random, now: Timestamp) -> (Org, String, Commit) {
    let owner = NewUser { name: new.owner_name.clone(), email: new.owner_email.clone(), role: Role::Owner };
    let owner = person(&owner, random, now);
    let org = Org {
        id: OrgId::new(now, random()),
        name: new.name.clone(),
        owner: owner.id,
        fallback: owner.id,
        slack: None,
    };
    let api_key = match &new.api_key {
        Some(given) => given.expose_secret().to_owned(),
        None => format!("fb_{}", seal.random_token(30)),
    };
    let holder = first_key(org.id, random, now);
    let commit = Commit::new().new_user(org.id, &owner).api_key(&api_key_hash(&api_key), &holder);
    (org, api_key, commit)
}

/// Who holds an organisation's first API key.
fn first_key(org: OrgId, random: &Random, now: Timestamp) -> KeyHolder {
    KeyHolder { org, id: ApiKeyId::new(now, random()), name: "first key".to_owned() }
}

/// Makes a key one of an organisation that is there, once; returns its id, which stays the same.
///
/// An organisation that outlived its stack is reached by the key of the next one.
///
/// # Errors
/// [`AppError`] if the store failed, or the key is another organisation's.
#[instrument(skip_all, err)]
pub async fn admit(
    store: &Store,
    org: OrgId,
    api_key: &SecretString,
    random: &Random,
    now: Timestamp,
) -> Result<ApiKeyId, AppError> {
    let hash = api_key_hash(api_key.expose_secret());
    let there = match store.key_holder(&hash).await? {
        Some(there) => there,
        None => {
            let holder = first_key(org, random, now);
            match store.commit(Commit::new().api_key(&hash, &holder)).await {
                Ok(()) => holder,
                Err(CommitError::Conflict) => store.key_holder(&hash).await?.ok_or(AppError::Conflict)?,
                Err(error) => return Err(error.into()),
            }
        }
    };
    if there.org == org {
        Ok(there.id)
    } else {
        Err(AppError::invalid("api_key", "another organisation has it"))
    }
}
