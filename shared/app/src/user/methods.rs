//! The notification methods and rules of a person.

use domain::access::Allowed;
use domain::audit::{AuditAction, AuditEntry, changes};
use domain::id::{AuditId, MethodId, OrgId, RuleId, UserId};
use domain::slack::SlackUserId;
use domain::user::{MethodType, NotificationMethod, NotificationRule, RuleTarget, Urgency, User};
use domain::{Actor, Timestamp};
use egress::{Reach, Target};
use machine::retry_conflicts;
use secrecy::{ExposeSecret, SecretString};
use store::{Commit, Store};
use tracing::instrument;

use super::create::check_email;
use crate::seal::{Seal, Unopened};
use crate::{AppError, Context, Random};

/// The most methods, and the most rules, of a person: all of them share one item.
const MOST: usize = 20;

/// The longest delay of a rule.
const LONGEST_DELAY: u32 = 24 * 3600;

/// The settings of a notification rule.
#[derive(Debug, Clone)]
pub struct NewRule {
    /// The id of the rule that it replaces, if it keeps that.
    pub id: Option<RuleId>,
    /// The urgency that it is for.
    pub urgency: Urgency,
    /// How long after the level began.
    pub delay_seconds: u32,
    /// The channel.
    pub method_type: MethodType,
    /// The methods that the rule uses.
    pub target: RuleTarget,
}

/// The most bytes of a webhook's address: all methods of a person share one item.
const WEBHOOK_BYTES: usize = 1000;

/// How many random bytes a secret has.
const SECRET_BYTES: usize = 24;

/// The place for which a method's secret is sealed: one address of one person.
fn place(user: UserId, address: &str) -> String {
    format!("method/{user}/{address}")
}

/// Opens the secret of a notification's method.
///
/// # Errors
/// [`Unopened`] if it was sealed for another, or under another key.
pub fn open_secret(seal: &Seal, user: UserId, address: &str, sealed: &str) -> Result<SecretString, Unopened> {
    seal.open(&place(user, address), sealed)
}

/// A new secret in the format of Standard Webhooks, if the channel signs.
fn secret_for(method_type: MethodType, seal: &Seal) -> Option<SecretString> {
    method_type.facts().is_signed.then(|| {
        let random = seal.random_token(SECRET_BYTES).replace('-', "+").replace('_', "/");
        format!("whsec_{random}").into()
    })
}

/// Checks the address of a webhook.
fn check_webhook(address: &str, reach: Reach) -> Result<(), AppError> {
    if address.len() > WEBHOOK_BYTES {
        return Err(AppError::invalid(
            "address",
            format!("the address may have at most {WEBHOOK_BYTES} bytes"),
        ));
    }
    Target::parse(address, reach)
        .map(|_| ())
        .map_err(|refused| AppError::invalid("address", refused.to_string()))
}

pub(super) async fn load(store: &Store, org: OrgId, id: UserId) -> Result<User, AppError> {
    store.user(org, id).await?.ok_or_else(|| AppError::not_found("user", id))
}

/// Changes a person and writes the audit entry in one commit; returns the person.
async fn change(
    store: &Store,
    allowed: Allowed<'_>,
    id: UserId,
    (random, now): (&Random, Timestamp),
    with: impl Fn(&mut User) -> Result<(), AppError>,
) -> Result<User, AppError> {
    let with = &with;
    retry_conflicts(|| async move {
        let before = load(store, allowed.actor().org(), id).await?;
        let mut user = before.clone();
        user.version += 1;
        with(&mut user)?;
        let entry =
            AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Updated, super::thing(&user))
                .changing(changes(Some(&before), Some(&user)));
        store.commit(Commit::new().user(&user, &entry)).await?;
        Ok(user)
    })
    .await
}

/// A method that was added, with its secret, which is shown only once.
#[derive(Debug, Clone)]
pub struct AddedMethod {
    /// The method.
    pub method: NotificationMethod,
    /// The secret that signs notifications, if the channel signs.
    pub secret: Option<SecretString>,
}

/// Adds a method.
///
/// # Errors
/// [`AppError::Invalid`] if the address is not valid in that channel.
#[instrument(skip_all, fields(user.id = %id))]
pub async fn add_method(
    ctx: &Context,
    by: &Actor,
    id: UserId,
    (method_type, address): (MethodType, &str),
) -> Result<AddedMethod, AppError> {
    let allowed = by.may_reach(id)?;
    let secret = secret_for(method_type, &ctx.seal);
    match method_type {
        MethodType::Email => check_email("address", address)?,
        MethodType::Slack => {
            let reason = "that is not a Slack user ID, such as `U012AB3CD`";
            address.parse::<SlackUserId>().map_err(|_| AppError::invalid("address", reason))?;
        }
        MethodType::Webhook => check_webhook(address, ctx.reach)?,
    }
    let sealed = secret.as_ref().map(|secret| ctx.seal.seal(&place(id, address), secret.expose_secret()));
    let method = NotificationMethod {
        id: MethodId::new(ctx.now(), ctx.random()),
        method_type,
        address: address.to_owned(),
        secret: sealed,
    };
    let added = AddedMethod { method, secret };
    change(&ctx.store, allowed, id, (&ctx.random, ctx.now()), |user| {
        if user.methods.len() >= MOST {
            return Err(AppError::invalid(
                "address",
                format!("a person may have at most {MOST} notification methods"),
            ));
        }
        user.methods.push(added.method.clone());
        Ok(())
    })
    .await?;
    Ok(added)
}

/// Removes a method and the rules that use it.
///
/// # Errors
/// [`AppError::NotFound`] if the person has no such method, [`AppError::Invalid`] if they would be left with none.
#[instrument(skip_all, fields(user.id = %id))]
pub async fn remove_method(
    store: &Store,
    by: &Actor,
    (id, method): (UserId, MethodId),
    random: &Random,
    now: Timestamp,
) -> Result<User, AppError> {
    let allowed = by.may_reach(id)?;
    change(store, allowed, id, (random, now), |user| {
        if !user.methods.iter().any(|known| known.id == method) {
            return Err(AppError::not_found("notification method", method));
        }
        user.methods.retain(|known| known.id != method);
        if user.methods.is_empty() {
            let reason = "this is the only notification method: add another one first";
            return Err(AppError::invalid("notification_method_id", reason));
        }
        user.rules.retain(|rule| rule.target != RuleTarget::Specific(method));
        Ok(())
    })
    .await
}

/// Sets the delay of a method for each urgency; `None` if it is not used. The other methods keep their settings.
///
/// # Errors
/// [`AppError::NotFound`] if the person has no such method, [`AppError::Invalid`] if nothing would be used.
#[instrument(skip_all, fields(user.id = %id))]
pub async fn set_use(
    store: &Store,
    by: &Actor,
    (id, method): (UserId, MethodId),
    delays: [(Urgency, Option<u32>); 2],
    random: &Random,
    now: Timestamp,
) -> Result<User, AppError> {
    by.may_reach(id)?;
    let user = load(store, by.org(), id).await?;
    let found = user.methods.iter().find(|known| known.id == method);
    let method = found.ok_or_else(|| AppError::not_found("notification method", method))?;
    let mut rules = Vec::new();
    for (urgency, delay) in delays {
        let others = user.reached_by(urgency).into_iter().filter(|(_, used)| used.id != method.id);
        let used = delay.map(|delay| (delay, method));
        let before = rules.len();
        rules.extend(others.chain(used).map(|(delay_seconds, method)| NewRule {
            id: None,
            urgency,
            delay_seconds,
            method_type: method.method_type,
            target: RuleTarget::Specific(method.id),
        }));
        if rules.len() == before {
            let reason = "no other notification method is used for this urgency: set one first";
            return Err(AppError::invalid(urgency.name(), reason));
        }
    }
    set_rules(store, by, id, &rules, random, now).await
}

/// Replaces all rules.
///
/// # Errors
/// [`AppError::Invalid`] if a rule names a method that the person has not.
#[instrument(skip_all, fields(user.id = %id))]
pub async fn set_rules(
    store: &Store,
    by: &Actor,
    id: UserId,
    rules: &[NewRule],
    random: &Random,
    now: Timestamp,
) -> Result<User, AppError> {
    let allowed = by.may_reach(id)?;
    if rules.len() > MOST {
        return Err(AppError::invalid(
            "notification_rules",
            format!("a person may have at most {MOST} notification rules"),
        ));
    }
    change(store, allowed, id, (random, now), |user| {
        for (n, rule) in rules.iter().enumerate() {
            check(user, n, rule)?;
        }
        let made = rules.iter().map(|rule| NotificationRule {
            id: rule.id.unwrap_or_else(|| RuleId::new(now, random())),
            urgency: rule.urgency,
            delay_seconds: rule.delay_seconds,
            method_type: rule.method_type,
            target: rule.target,
        });
        user.rules = made.collect();
        Ok(())
    })
    .await
}

/// Says what is wrong with a rule.
fn check(user: &User, n: usize, rule: &NewRule) -> Result<(), AppError> {
    if rule.delay_seconds > LONGEST_DELAY {
        let field = format!("notification_rules.{n}.delay_seconds");
        return Err(AppError::invalid(field, format!("the delay may be at most {LONGEST_DELAY} seconds")));
    }
    let RuleTarget::Specific(id) = rule.target else { return Ok(()) };
    let known = user.methods.iter().any(|method| method.id == id && method.method_type == rule.method_type);
    if known {
        return Ok(());
    }
    let field = format!("notification_rules.{n}.method_target.specific.id");
    Err(AppError::invalid(field, format!("the person does not have this {} method", rule.method_type.name())))
}
