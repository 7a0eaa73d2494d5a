//! Creates the organisation of an installation: its owner, who is the fallback contact, and an API key.

use domain::Timestamp;
use domain::id::{ApiKeyId, OrgId};
use domain::org::Org;
use domain::user::Role;
use machine::CommitError;
use store::{Commit, KeyHolder, Store};
use tracing::instrument;

use crate::seal::Seal;
use crate::user::create::{NewUser, person};
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
/// [`AppError`] if the store failed.
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
    let org =
        Org { id: OrgId::new(now, random()), name: new.name.clone(), owner: owner.id, fallback: owner.id };
    let api_key = format!("fb_{}", seal.random_token(30));
    let holder = KeyHolder { org: org.id, id: ApiKeyId::new(now, random()), name: "first key".to_owned() };
    let commit = Commit::new().new_user(org.id, &owner).api_key(&api_key_hash(&api_key), &holder);
    (org, api_key, commit)
}
