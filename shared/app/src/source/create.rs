//! Creates an alert source, with its own secret.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry, changes};
use domain::expression::ExpressionError;
use domain::id::{AuditId, SourceId};
use domain::source::{IntakeRules, Source, SourceKind, SourceState, Template};
use domain::text::Document;
use domain::{Actor, Timestamp};
use machine::{Head, Stateful};
use secrecy::{ExposeSecret, SecretString};
use sources::KindOptions;
use store::{Commit, Store};
use tracing::instrument;

use crate::seal::Seal;
use crate::{AppError, Random};

/// An alert source that is to be created.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Its id.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SourceKind,
    /// The secret, if the sender generated one. Otherwise it is generated here.
    pub secret: Option<SecretString>,
    /// How its events become alerts: titles, attributes and options.
    pub template: Template,
    /// Which of its events become alerts.
    pub intake: IntakeRules,
    /// Whether it begins as a draft, which pages nobody until it is activated.
    pub draft: bool,
    /// The body that the client sent, which is returned to it.
    pub document: Document,
}

/// Number of random bytes in a generated secret.
pub(super) const SECRET_BYTES: usize = 30;

/// Creates an alert source that accepts deliveries at once. A draft shows what would become of them, and pages nobody.
///
/// # Errors
/// [`AppError::Invalid`] if the kind or a binding is unknown, or the secret is invalid.
#[instrument(skip_all, fields(alert_source.id = %new.id))]
pub async fn create(
    store: &Store,
    seal: &Seal,
    by: &Actor,
    new: NewSource,
    random: &Random,
    now: Timestamp,
) -> Result<Source, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let org = by.org();
    check(&new.name, &new.kind, &new.template)?;
    check_intake(&new.kind, &new.intake, &new.template)?;
    super::check_attributes(store, org, &new.template).await?;
    if let Some(secret) = &new.secret {
        super::check_secret(secret)?;
    }
    let secret = new.secret.unwrap_or_else(|| seal.random_token(SECRET_BYTES).into());
    let state = if new.draft { SourceState::Draft } else { SourceState::Active };
    let source = Source {
        head: Head::stored(state, 0),
        org,
        id: new.id,
        name: new.name,
        secret: super::seal_secret(seal, new.id, secret.expose_secret()),
        key: super::own_key(store, new.id, &new.kind, &secret).await?,
        kind: new.kind,
        template: new.template,
        intake: new.intake,
        document: new.document,
        created_at: now,
        last_error: None,
        last_delivery_at: None,
        previous: None,
    };
    let made = source.born(state, now)?.because(by.identity().to_string(), "created");
    let source = made.after().clone();
    let entry =
        AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Created, super::thing(&source))
            .changing(changes(None, Some(&source)));
    store.commit(Commit::new().source(made, None, &entry)).await?;
    Ok(source)
}

/// The reason for refusing options that belong to another kind of alert source.
const NO_SUCH_OPTIONS: &str = "this kind of alert source has no such options";

/// The options that only this kind of alert source has.
fn options_of(kind: &SourceKind) -> Option<KindOptions> {
    sources::get(&kind.0)?.options()
}

/// Checks which events of a source become alerts.
///
/// # Errors
/// [`AppError::Invalid`] naming the field.
pub fn check_intake(kind: &SourceKind, intake: &IntakeRules, template: &Template) -> Result<(), AppError> {
    let field = KindOptions::Heartbeat.field();
    let is_heartbeat = options_of(kind) == Some(KindOptions::Heartbeat);
    match (is_heartbeat, intake.beat.is_some()) {
        (true, false) => {
            let reason = "set `interval_seconds` to how often the job runs";
            return Err(AppError::invalid(field, reason));
        }
        (false, true) => return Err(AppError::invalid(field, NO_SUCH_OPTIONS)),
        (true, true) | (false, false) => {}
    }
    intake.check(template).map_err(|misfit| AppError::invalid(misfit.at, misfit.reason))
}

/// Checks a source's configuration.
///
/// # Errors
/// [`AppError::Invalid`] naming the field.
pub fn check(name: &str, kind: &SourceKind, template: &Template) -> Result<(), AppError> {
    if name.trim().is_empty() {
        return Err(AppError::invalid("name", "a name is required"));
    }
    if sources::Kind::try_from(kind).is_err() {
        let known: Vec<_> = sources::all().iter().map(|source| source.kind()).collect();
        return Err(AppError::invalid(
            "source_type",
            format!("`{kind}` is not a kind of alert source; use one of {}", known.join(", ")),
        ));
    }
    let wrong = |misfit: ExpressionError| AppError::invalid(misfit.at, misfit.reason);
    template.check().map_err(|misfit| wrong(misfit.within("template")))?;
    if let Some(custom) = &template.custom {
        let options = sources::transform_options(&kind.0)
            .ok_or_else(|| AppError::invalid(KindOptions::HttpCustom.field(), NO_SUCH_OPTIONS))?;
        custom.check().map_err(|misfit| wrong(misfit.within(options)))?;
    }
    if let Some(priority) = &template.priority {
        priority.check().map_err(|misfit| wrong(misfit.within("priority")))?;
    }
    Ok(())
}
