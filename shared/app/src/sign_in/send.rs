//! Sends a link to sign in, if the address that asked is anybody's.

use domain::Timestamp;
use domain::id::SignInId;
use domain::sign_in::{SignIn, SignInPerson};
use domain::user::MethodType;
use machine::Transition;
use notify::{SendError, ServiceEmail};
use store::{Commit, Store};
use tracing::{instrument, warn};

use crate::AppError;
use crate::error::whoever_was_first;
use crate::notification::send::Senders;

/// Sends a link that is owed; the same message again sends the same link at most.
///
/// # Errors
/// [`AppError`] if the message must come again.
#[instrument(skip_all, fields(sign_in.id = %id), err)]
pub async fn send(store: &Store, senders: &Senders, id: SignInId, now: Timestamp) -> Result<(), AppError> {
    let Some(owed) = store.sign_in(id).await?.filter(SignIn::is_owed) else { return Ok(()) };
    if owed.until <= now {
        return mark(store, owed.void("it could not be sent in time", now)?).await;
    }
    let Some(whom) = whom(store, &owed).await? else {
        return mark(store, owed.void("nobody has this address", now)?).await;
    };
    let mail = senders.channels.iter().find(|channel| channel.method_type() == MethodType::Email);
    let sent = match mail {
        Some(mail) => mail.send_service_email(&letter(senders, &owed, now)).await,
        None => {
            let reason = "this installation sends no mail".to_owned();
            Err(SendError::Permanent { reason, source: None })
        }
    };
    match sent {
        Ok(_) => mark(store, owed.sent(whom, now)?).await,
        Err(error @ SendError::Permanent { .. }) => {
            let why = error.why();
            warn!(sign_in.id = %id, reason = why, "a link to sign in will never be delivered");
            mark(store, owed.void(&why, now)?).await
        }
        Err(error @ (SendError::Transient { .. } | SendError::Busy { .. })) => {
            warn!(sign_in.id = %id, reason = error.why(), "a link to sign in was not taken; it is tried again");
            mark(store, owed.again(now)?).await
        }
    }
}

/// Whose address it is.
async fn whom(store: &Store, owed: &SignIn) -> Result<Option<SignInPerson>, AppError> {
    let Some(email) = &owed.email else { return Ok(None) };
    Ok(store.person(email).await?.map(|(org, user)| SignInPerson { org, user }))
}

/// What the mail says.
fn letter(senders: &Senders, owed: &SignIn, now: Timestamp) -> ServiceEmail {
    let link = super::link(&senders.seal, &senders.public_url, owed.id);
    ServiceEmail {
        idempotency_key: format!("sign-in.{}", owed.id),
        address: owed.email.clone().unwrap_or_default(),
        title: "Sign in to Firebell".to_owned(),
        text:
            "Somebody asked to sign in to Firebell with this address. The link is good for a quarter of an \
               hour, and once. If it was not you, there is nothing to do: without the link nobody gets in."
                .to_owned(),
        button: ("Sign in".to_owned(), link),
        trace: owed.trace.clone(),
        when: now,
    }
}

/// Marks what came of it; if somebody was faster, it is done.
async fn mark(store: &Store, step: Transition<SignIn>) -> Result<(), AppError> {
    whoever_was_first(store.commit(Commit::new().transition(step)).await)
}
