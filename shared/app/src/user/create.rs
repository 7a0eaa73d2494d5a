//! Adds a person, who is notified by email at once until they change their rules.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry, changes};
use domain::id::{AuditId, MethodId, RuleId, UserId};
use domain::user::{MethodType, NotificationMethod, NotificationRule, Role, RuleTarget, Urgency, User};
use domain::{Actor, Timestamp};
use machine::CommitError;
use store::{Commit, Store};
use tracing::instrument;

use crate::{AppError, Random};

/// A new person.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their name.
    pub name: String,
    /// Their email address, which identifies them.
    pub email: String,
    /// What they may do.
    pub role: Role,
}

/// How long a name may be.
const NAME_BYTES: usize = 200;
/// The most bytes of an email address.
const EMAIL_BYTES: usize = 254;

/// Checks that a text may be an email address.
///
/// # Errors
/// [`AppError::Invalid`] naming the field.
pub fn check_email(field: &str, email: &str) -> Result<(), AppError> {
    let sound = email.split_once('@').is_some_and(|(local, host)| {
        let plain = |text: &str| {
            !text.is_empty() && !text.contains(|c: char| c.is_control() || " <>,;\"@".contains(c))
        };
        plain(local) && plain(host)
    });
    if sound && email.len() <= EMAIL_BYTES {
        return Ok(());
    }
    Err(AppError::invalid(field, "that is not a valid email address"))
}

/// Makes a person with one notification method and one rule: by email, at once.
pub fn person(new: &NewUser, random: &Random, now: Timestamp) -> User {
    let method = MethodId::new(now, random());
    let rule = NotificationRule {
        id: RuleId::new(now, random()),
        urgency: Urgency::High,
        delay_seconds: 0,
        method_type: MethodType::Email,
        target: RuleTarget::Specific(method),
    };
    User {
        id: UserId::new(now, random()),
        name: new.name.clone(),
        email: new.email.clone(),
        role: new.role,
        methods: vec![NotificationMethod {
            id: method,
            method_type: MethodType::Email,
            address: new.email.clone(),
            secret: None,
        }],
        rules: vec![rule],
        version: 0,
    }
}

/// Adds a person.
///
/// # Errors
/// [`AppError::Invalid`] if the address is none, or somebody has it already.
#[instrument(skip_all)]
pub async fn create(
    store: &Store,
    by: &Actor,
    new: &NewUser,
    random: &Random,
    now: Timestamp,
) -> Result<User, AppError> {
    let allowed = by.may(Permission::ManageUsers)?;
    if new.role == Role::Owner {
        by.may(Permission::ManageOwners)?;
    }
    let org = by.org();
    if new.name.trim().is_empty() || new.name.len() > NAME_BYTES {
        return Err(AppError::invalid("name", format!("the name must have 1 to {NAME_BYTES} bytes")));
    }
    check_email("email", &new.email)?;
    let user = person(new, random, now);
    let entry =
        AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Created, super::thing(&user))
            .changing(changes(None, Some(&user)));
    match store.commit(Commit::new().new_user(&user, &entry)).await {
        Ok(()) => Ok(user),
        Err(CommitError::Conflict) => {
            // The write may have succeeded although its response was lost.
            match store.person(&new.email).await? {
                Some((there, id)) if (there, id) == (org, user.id) => Ok(user),
                _ => Err(AppError::invalid("email", "another user has this email address")),
            }
        }
        Err(error) => Err(error.into()),
    }
}
