//! Sends an email with a sign-in link, if a user has the email address.

use domain::Timestamp;
use domain::id::SignInId;
use domain::job::lease::Leased;
use domain::sign_in::{SignIn, SignInPerson};
use domain::user::MethodType;
use jiff::SignedDuration;
use machine::Transition;
use notify::{SendError, ServiceEmail};
use store::{Commit, Store};
use tracing::{instrument, warn};

use crate::AppError;
use crate::error::whoever_was_first;
use crate::job::attempt::{Attempt, Elapsing, attempt, is_due};
use crate::notification::send::Senders;

/// Sends the email if it was not sent yet.
///
/// # Errors
/// [`AppError`] if the message must come again.
#[instrument(skip_all, fields(sign_in.id = %id))]
pub async fn send(store: &Store, senders: &Senders, id: SignInId, now: Timestamp) -> Result<(), AppError> {
    let time = Elapsing::from(now);
    let Some(sign_in) = store.sign_in(id).await?.map(SignIn::due_at_once_if_old) else { return Ok(()) };
    if !is_due(&sign_in, &time).await {
        return Ok(());
    }
    if sign_in.until <= now {
        return void(store, &sign_in, "it could not be sent in time", now).await;
    }
    // Anybody can enter an address, so a request for an unknown address ends here, without a claim.
    match person(store, &sign_in).await? {
        Some(person) => attempt(store, &Mailing { senders, person }, &sign_in, &time).await,
        None => void(store, &sign_in, "nobody has this address", now).await,
    }
}

/// Ends an attempt to sign in without an email, unless another worker was faster.
async fn void(store: &Store, sign_in: &SignIn, why: &str, now: Timestamp) -> Result<(), AppError> {
    whoever_was_first(store.commit(Commit::new().transition(sign_in.void(why, now)?)).await)
}

/// The person who has the address.
async fn person(store: &Store, sign_in: &SignIn) -> Result<Option<SignInPerson>, AppError> {
    let Some(email) = &sign_in.email else { return Ok(None) };
    Ok(store.person(email).await?.map(|(org, user)| SignInPerson { org, user }))
}

/// An attempt to mail a link to a person.
struct Mailing<'a> {
    senders: &'a Senders,
    person: SignInPerson,
}

impl Attempt for Mailing<'_> {
    type Item = SignIn;
    type Outcome = Result<(), SendError>;

    async fn perform(&self, sign_in: &SignIn, now: Timestamp) -> Result<Self::Outcome, AppError> {
        let mut channels = self.senders.channels.iter();
        let Some(mail) = channels.find(|channel| channel.method_type() == MethodType::Email) else {
            let reason = "this installation sends no mail".to_owned();
            return Ok(Err(SendError::Permanent { reason, source: None }));
        };
        Ok(mail.send_service_email(&letter(self.senders, sign_in, now)).await.map(drop))
    }

    fn late(&self) -> Self::Outcome {
        Err(SendError::Transient {
            reason: "the mail server did not answer in time".to_owned(),
            source: None,
        })
    }

    async fn mark(
        &self,
        held: &SignIn,
        _claimed: &SignIn,
        outcome: &Self::Outcome,
        now: Timestamp,
    ) -> Result<Commit, AppError> {
        let marked = match outcome {
            Ok(()) => held.sent(self.person, now)?,
            Err(error @ SendError::Permanent { .. }) => {
                let why = error.why();
                warn!(sign_in.id = %held.id, reason = why, "sign-in email failed permanently");
                held.void(&why, now)?
            }
            Err(error @ (SendError::Transient { .. } | SendError::Busy { .. })) => {
                let why = error.why();
                warn!(sign_in.id = %held.id, reason = why, "sign-in email attempt failed, retrying");
                let asked = error.retry_after().and_then(|seconds| i64::try_from(seconds).ok());
                held.retry(&why, asked.map(SignedDuration::from_secs), now)?
            }
        };
        Ok(Commit::new().transition(marked))
    }

    /// An attempt to sign in has no fence.
    fn void(&self, item: &SignIn, now: Timestamp) -> Result<Transition<SignIn>, AppError> {
        Ok(item.void("it is void", now)?)
    }
}

/// The mail with the link.
fn letter(senders: &Senders, sign_in: &SignIn, now: Timestamp) -> ServiceEmail {
    let link = super::link(&senders.seal, &senders.public_url, sign_in.id);
    ServiceEmail {
        idempotency_key: format!("sign-in.{}", sign_in.id),
        address: sign_in.email.clone().unwrap_or_default(),
        title: "Sign in to Firebell".to_owned(),
        text:
            "Somebody asked to sign in to Firebell with this address. The link is good for a quarter of an \
               hour, and once. If it was not you, there is nothing to do: without the link nobody gets in."
                .to_owned(),
        button: ("Sign in".to_owned(), link),
        installation: senders.seal.installation(),
        trace: sign_in.trace.clone(),
        when: now,
    }
}
