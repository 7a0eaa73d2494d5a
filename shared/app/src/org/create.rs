//! Creates the organisation of an installation: its owner, who is the fallback contact, and an API key.

use domain::Timestamp;
use domain::id::{ApiKeyId, MethodId, OrgId, RuleId, UserId};
use domain::org::Org;
use domain::user::{Method, MethodType, Role, Rule, RuleTarget, Urgency, User};
use machine::CommitError;
use store::{Commit, KeyHolder, Store};
use tracing::instrument;

use crate::AppError;
use crate::seal::Seal;

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

/// Makes a person who is reached by mail at once.
pub fn person(
    id: UserId,
    name: &str,
    email: &str,
    role: Role,
    (method, rule): (MethodId, RuleId),
) -> User {
    User {
        id,
        name: name.to_owned(),
        email: email.to_owned(),
        role,
        methods: vec![Method { id: method, method_type: MethodType::Email, address: email.to_owned() }],
        rules: vec![Rule {
            id: rule,
            urgency: Urgency::High,
            delay_seconds: 0,
            method_type: MethodType::Email,
            target: RuleTarget::Specific(method),
        }],
    }
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
    random: &mut (dyn FnMut() -> u128 + Send),
    now: Timestamp,
) -> Result<Created, AppError> {
    if let Some(org) = store.home().await? {
        return Ok(Created::There(org));
    }
    let ids = (MethodId::new(now, random()), RuleId::new(now, random()));
    let owner = person(UserId::new(now, random()), &new.owner_name, &new.owner_email, Role::Owner, ids);
    let org = Org {
        id: OrgId::new(now, random()),
        name: new.name.clone(),
        owner: owner.id,
        fallback: owner.id,
    };
    let api_key = format!("fb_{}", seal.random_token(30));
    let holder =
        KeyHolder { org: org.id, id: ApiKeyId::new(now, random()), name: "first key".to_owned() };
    let commit =
        Commit::new().home(&org).new_user(org.id, &owner).api_key(&api_key_hash(&api_key), &holder);
    match store.commit(commit).await {
        Ok(()) => Ok(Created::New { org, api_key }),
        Err(CommitError::Conflict) => {
            let there = store.home().await?.ok_or(AppError::Conflict)?;
            Ok(Created::There(there))
        }
        Err(error) => Err(error.into()),
    }
}
