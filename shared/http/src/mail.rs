//! Mails that came in, delivered to the alert sources whose addresses they bear: each is taken apart and handed in at
//! its source's own door, as if its sender had posted it there.

use std::sync::Arc;

use app::Context;
use axum::body::Body;
use domain::Timestamp;
use domain::trace::Trace;
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use mail::{Letter, Mailbox, Received};
use runtime::Tracing;
use sources::Kind;
use tower::ServiceExt;
use tracing::{info, instrument, warn};

/// How long a mail is tried that cannot be fetched, or whose source is not to be found: a copy of the table may be late.
/// Then somebody is paged with what is known of the mail, or it is nobody's.
const PATIENCE: SignedDuration = SignedDuration::from_mins(3);

/// The most sources that one mail is for: as many recipients as a mail has.
const MOST_RECIPIENTS: usize = 100;

/// A mail was not delivered, and must come again.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] mail::MailboxError),
    /// Its source's door did not take it.
    #[error("the door of its source answered {0}")]
    Door(StatusCode),
    /// This function was given no mailbox.
    #[error("no FIREBELL_MAIL_BUCKET says where mails lie")]
    NoMailbox,
}

/// Delivers mails.
#[derive(Clone)]
pub struct Courier {
    door: axum::Router,
    mailbox: Option<Arc<dyn Mailbox>>,
}

impl Courier {
    /// Delivers mails to the sources of an installation.
    pub fn new(ctx: &Context) -> Self {
        Self { door: crate::source::router(Kind::Email, ctx.clone()), mailbox: ctx.mail.mailbox.clone() }
    }

    /// Delivers one mail to every source that it is for. What is for none is nobody's.
    ///
    /// # Errors
    /// [`MailError`] if it must come again; a source that has it already has it once.
    #[instrument(skip_all, fields(mail.id = %received.mail.message_id), err)]
    pub async fn deliver(&self, received: &Received, trace: &Trace, now: Timestamp) -> Result<(), MailError> {
        let recipients = received.receipt.recipients.iter().filter_map(|to| {
            let (local, _) = to.split_once('@')?;
            sources::parse_mail_address(local)
        });
        let recipients: Vec<_> = recipients.take(MOST_RECIPIENTS).collect();
        if recipients.is_empty() {
            info!("a mail is for no alert source");
            return Ok(());
        }
        let letter = self.fetch(received, now).await?;
        let body = serde_json::to_vec(&letter).unwrap_or_default();
        for (id, proof) in recipients {
            let status = self.hand_in(id, &proof, &body, trace).await;
            match status {
                status if status.is_success() => {}
                // As at any door: whoever writes to an address that there is not, or that a secret left, is told
                // nothing, and nobody is paged.
                status if status.is_client_error() && received.is_older(PATIENCE, now) => {
                    warn!(alert_source.id = id, %status, "a mail was refused");
                }
                status => return Err(MailError::Door(status)),
            }
        }
        Ok(())
    }

    /// The mail. One that cannot be fetched is tried for a while, and is then what is known of it.
    async fn fetch(&self, received: &Received, now: Timestamp) -> Result<Letter, MailError> {
        let mailbox = self.mailbox.as_ref().ok_or(MailError::NoMailbox)?;
        match mailbox.fetch(&received.receipt.action.object_key).await {
            Ok(raw) => Ok(Letter::read(&raw).known_as(received)),
            Err(error) if received.is_older(PATIENCE, now) => {
                warn!(%error, "a mail is handled without its text");
                Ok(received.letter())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Hands a mail in at the door of a source.
    async fn hand_in(&self, id: &str, proof: &str, body: &[u8], trace: &Trace) -> StatusCode {
        let request = Request::post(Kind::Email.get().delivery_path(&id.to_uppercase()))
            .header(AUTHORIZATION, format!("Bearer {proof}"))
            .extension(Tracing(trace.clone()))
            .body(Body::from(body.to_vec()));
        let Ok(request) = request else { return StatusCode::BAD_REQUEST };
        match self.door.clone().oneshot(request).await {
            Ok(response) => response.status(),
            Err(never) => match never {},
        }
    }
}
