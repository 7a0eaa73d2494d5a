//! Delivers received emails to the alert sources that they are addressed to. An email is parsed and passed to the router
//! of email sources, as if its sender had posted it there.

use std::sync::Arc;

use app::Context;
use axum::body::Body;
use domain::Timestamp;
use domain::trace::Trace;
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use mail::{MailNotification, Mailbox, ParsedMail};
use runtime::Tracing;
use sources::Kind;
use tower::ServiceExt;
use tracing::{info, instrument, warn};

/// How long an email is retried that cannot be fetched, or whose source is not found, because a replica of the table may
/// be late. After that, the alert contains only the known fields of the email, or the email is dropped.
const RETRY_FOR: SignedDuration = SignedDuration::from_mins(3);

/// Most alert sources that receive one email.
const MAX_RECIPIENTS: usize = 100;

/// An email was not delivered and must be retried.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The email could not be fetched.
    #[error(transparent)]
    Fetch(#[from] mail::MailboxError),
    /// The router of email sources did not accept the email.
    #[error("the alert source answered with status {0}")]
    Refused(StatusCode),
    /// The function has no mailbox.
    #[error("FIREBELL_MAIL_BUCKET is not set")]
    NoMailbox,
}

/// Delivers received emails.
#[derive(Clone)]
pub struct Courier {
    router: axum::Router,
    mailbox: Option<Arc<dyn Mailbox>>,
}

impl Courier {
    /// Creates a courier for the alert sources of an installation.
    pub fn new(ctx: &Context) -> Self {
        Self { router: crate::source::router(Kind::Email, ctx.clone()), mailbox: ctx.mail.mailbox.clone() }
    }

    /// Delivers one email to every alert source that it is addressed to. An email to no alert source is dropped.
    ///
    /// # Errors
    /// [`MailError`] if the email must be retried. A source that already received it recognises the repetition.
    #[instrument(skip_all, fields(mail.id = %received.mail.message_id))]
    pub async fn deliver(
        &self,
        received: &MailNotification,
        trace: &Trace,
        now: Timestamp,
    ) -> Result<(), MailError> {
        let recipients = received.receipt.recipients.iter().filter_map(|to| {
            let (local, _) = to.split_once('@')?;
            sources::parse_mail_address(local)
        });
        let recipients: Vec<_> = recipients.take(MAX_RECIPIENTS).collect();
        if recipients.is_empty() {
            info!("dropped email: no recipient is an alert source");
            return Ok(());
        }
        let parsed = self.fetch(received, now).await?;
        let body = serde_json::to_vec(&parsed).unwrap_or_default();
        for (id, proof) in recipients {
            let status = self.deliver_to(id, &proof, &body, trace).await;
            match status {
                status if status.is_success() => {}
                // The address does not exist, or its secret was rotated. The sender gets no answer, and nobody is paged.
                status if status.is_client_error() && received.is_older(RETRY_FOR, now) => {
                    warn!(alert_source.id = id, %status, "dropped email: the alert source refused it");
                }
                status => return Err(MailError::Refused(status)),
            }
        }
        Ok(())
    }

    /// Fetches and parses the email. If that fails for a while, the result has only what the notification contains.
    async fn fetch(&self, received: &MailNotification, now: Timestamp) -> Result<ParsedMail, MailError> {
        let mailbox = self.mailbox.as_ref().ok_or(MailError::NoMailbox)?;
        match mailbox.fetch(&received.receipt.action.object_key).await {
            Ok(raw) => Ok(ParsedMail::parse(&raw).with_notification(received)),
            Err(error) if received.is_older(RETRY_FOR, now) => {
                warn!(%error, "fetching email failed, delivering it without its text");
                Ok(received.to_parsed_mail())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Delivers a parsed email to an alert source.
    async fn deliver_to(&self, id: &str, proof: &str, body: &[u8], trace: &Trace) -> StatusCode {
        let request = Request::post(Kind::Email.get().delivery_path(&id.to_uppercase()))
            .header(AUTHORIZATION, format!("Bearer {proof}"))
            .extension(Tracing(trace.clone()))
            .body(Body::from(body.to_vec()));
        let Ok(request) = request else { return StatusCode::BAD_REQUEST };
        match self.router.clone().oneshot(request).await {
            Ok(response) => response.status(),
            Err(never) => match never {},
        }
    }
}
