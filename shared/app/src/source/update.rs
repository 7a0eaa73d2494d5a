//! Changes the configuration of an alert source. Its kind cannot change, and its secret changes only if one is given.

use domain::access::Permission;
use domain::id::SourceId;
use domain::source::{IntakeRules, Source, SourceState, Template};
use domain::text::Document;
use domain::{Actor, Timestamp};
use machine::{Stateful, retry_conflicts};
use secrecy::{ExposeSecret, SecretString};
use store::Store;
use tracing::instrument;

use super::find;
use crate::seal::Seal;
use crate::{AppError, Random};

/// The new configuration of an alert source.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// A new secret. Senders that sign generate it themselves, and show it only after they know our address.
    pub secret: Option<SecretString>,
    /// How its events become alerts: titles, attributes and options.
    pub template: Template,
    /// Which of its events become alerts.
    pub intake: IntakeRules,
    /// Whether it is disabled and refuses deliveries. `None` leaves it as it is.
    pub disabled: Option<bool>,
    /// The body that the client sent, which is returned to it.
    pub document: Document,
}

/// Changes an alert source.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source, [`AppError::Invalid`] naming the field that is wrong.
#[instrument(skip_all, fields(alert_source.id = %id))]
pub async fn update(
    store: &Store,
    seal: &Seal,
    by: &Actor,
    id: SourceId,
    change: Change,
    random: &Random,
    now: Timestamp,
) -> Result<Source, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let (org, by) = (by.org(), by.identity());
    let change = &change;
    if let Some(secret) = &change.secret {
        super::check_secret(secret)?;
    }
    retry_conflicts(|| async move {
        let source = find(store, org, id).await?;
        super::create::check(&change.name, &source.kind, &change.template)?;
        super::check_attributes(store, org, &change.template).await?;
        super::create::check_intake(&source.kind, &change.intake, &change.template)?;
        let state = state_after(source.head().state(), change.disabled)?;
        let step = if state == source.head().state() {
            source.amend(now)?.because(by.to_string(), "updated")
        } else {
            source.transition_to(state, now)?.because(by.to_string(), state_name(state))
        };
        let another = change.secret.as_ref().filter(|secret| !super::has_secret(seal, &source, secret));
        let key = match another {
            Some(secret) => super::own_key(store, id, &source.kind, secret).await?,
            None => source.key.clone(),
        };
        let step = step.with(|source| {
            source.key = key;
            let Change { name, template, intake, document, .. } = change.clone();
            (source.name, source.template) = (name, template);
            (source.intake, source.document) = (intake, document);
            if let Some(secret) = another {
                source.secret = super::seal_secret(seal, id, secret.expose_secret());
                source.previous = None;
            }
        });
        super::commit(store, allowed, &source, step, (random, now)).await
    })
    .await
}

/// The state after the change. A draft stays a draft until it is activated.
pub(super) fn state_after(now: SourceState, disabled: Option<bool>) -> Result<SourceState, AppError> {
    match (now, disabled) {
        (SourceState::Draft, Some(true)) => Err(AppError::invalid(
            "disabled",
            "a draft cannot be disabled, because it pages nobody: activate it first, or delete it",
        )),
        (SourceState::Draft, _) | (_, None) => Ok(now),
        (_, Some(true)) => Ok(SourceState::Disabled),
        (_, Some(false)) => Ok(SourceState::Active),
    }
}

/// The reason for a change of the state, for the history.
pub(super) const fn state_name(state: SourceState) -> &'static str {
    match state {
        SourceState::Draft => "drafted",
        SourceState::Active => "enabled",
        SourceState::Disabled => "disabled",
        SourceState::Destroyed => "destroyed",
    }
}
