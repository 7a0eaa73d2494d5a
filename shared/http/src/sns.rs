//! Verification of deliveries through SNS. A source that is bound to a topic accepts only messages that SNS signed for
//! that topic.
//!
//! A forged delivery causes at most one additional read per source in five seconds, and no outgoing request: a
//! certificate is fetched only for deliveries with the right secret or topic, and not right after a failed fetch.

use std::sync::{Arc, Mutex, PoisonError};

use app::{AppError, Context};
use domain::Timestamp;
use domain::id::SourceId;
use domain::source::pinned_topic::{PinnedTopic, TopicPin};
use jiff::SignedDuration;
use sources::sns::{self, Certificate, Envelope, Purpose};
use sources::{AlertSource, Delivery, Verified, VerifyError};
use tracing::info;

use crate::bounded_cache::BoundedCache;
use crate::source_credentials::OpenedCredentials;

/// How long a cached topic is valid. A source forgets its topic only when its secret changes.
const VALID: SignedDuration = SignedDuration::from_secs(30);
/// How long it is remembered that a source has no topic, how long a cached topic is valid after a verification has
/// failed, and how long no certificate is fetched after a failed fetch.
const VALID_IN_DOUBT: SignedDuration = SignedDuration::from_secs(5);
/// How long a certificate is cached. The certificate at an address never changes, and its validity is checked each time.
const CERTIFICATE_VALID: SignedDuration = SignedDuration::from_hours(24);
/// Most topics that are cached.
const MAX_TOPICS: usize = 4096;
/// Most certificates that are cached. Each region has a current and a previous one.
const MAX_CERTIFICATES: usize = 64;

/// Marks the request of a test alert, which is not signed by SNS. It is an extension of the request, so that no sender can
/// set it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnExample;

/// Verifies deliveries through SNS, with cached topics and certificates.
pub(crate) struct SnsVerifier {
    topics: BoundedCache<SourceId, (Option<PinnedTopic>, Timestamp)>,
    certificates: BoundedCache<String, (Arc<Certificate>, Timestamp)>,
    failed: Mutex<Option<Timestamp>>,
}

impl Default for SnsVerifier {
    fn default() -> Self {
        let (topics, certificates) = (BoundedCache::new(MAX_TOPICS), BoundedCache::new(MAX_CERTIFICATES));
        Self { topics, certificates, failed: Mutex::new(None) }
    }
}

impl SnsVerifier {
    /// Verifies a delivery against the topic of its source. `by_secret` is the result of verifying the secret alone.
    ///
    /// A request to confirm a subscription must have the current secret and be signed by SNS, for any topic. Once a
    /// source is bound to a topic, the secret alone is not enough, because it is part of an address that others may see.
    pub(crate) async fn verify<'a>(
        &self,
        ctx: &Context,
        credentials: &OpenedCredentials,
        delivery: &Delivery<'a>,
        (source, by_secret): (&dyn AlertSource, Result<Verified<'a>, VerifyError>),
        in_doubt: bool,
    ) -> Result<Result<Verified<'a>, VerifyError>, AppError> {
        let envelope = Envelope::read(delivery.body);
        if by_secret.is_err() && envelope.is_none() {
            return Ok(by_secret);
        }
        let pinned = self.pinned(ctx, credentials, in_doubt).await?;
        let is_newest = source.verify(delivery, &credentials.secret, None).is_ok();
        let asks = |envelope: &Envelope<'_>| envelope.purpose == Purpose::SubscriptionConfirmation;
        match (&pinned, &envelope) {
            (Some((pinned, _)), Some(envelope)) if pinned.topic == envelope.topic_arn => {
                self.signed(ctx, delivery, envelope).await
            }
            (None | Some((_, TopicPin::UntilReplaced)), Some(envelope)) if asks(envelope) && is_newest => {
                self.signed(ctx, delivery, envelope).await
            }
            (Some(_), _) => Ok(by_secret.and(Err(VerifyError::WrongTopic))),
            // The previous secret binds no topic, because it may have been rotated after it leaked.
            (None, Some(envelope)) if asks(envelope) => Ok(by_secret.and(Err(VerifyError::Wrong))),
            (None, _) => Ok(by_secret),
        }
    }

    /// Binds a source to a topic. `false` if it is already bound to another topic.
    pub(crate) async fn pin(
        &self,
        ctx: &Context,
        credentials: &OpenedCredentials,
        topic: &str,
    ) -> Result<bool, AppError> {
        let pinned = PinnedTopic::new(&credentials.stored, topic.to_owned(), ctx.now());
        let is_ours = ctx.store.pin(&pinned).await?;
        if is_ours {
            self.topics.insert(credentials.stored.id, (Some(pinned), ctx.now()));
            info!(alert_source.id = %credentials.stored.id, "bound alert source `{}` to its SNS topic", credentials.stored.id);
        }
        Ok(is_ours)
    }

    /// The topic that a source is bound to.
    async fn pinned(
        &self,
        ctx: &Context,
        credentials: &OpenedCredentials,
        in_doubt: bool,
    ) -> Result<Option<(PinnedTopic, TopicPin)>, AppError> {
        let held = |pinned: Option<PinnedTopic>| {
            let pinned = pinned?;
            let held = pinned.held(&credentials.stored, ctx.now())?;
            Some((pinned, held))
        };
        let (id, now) = (credentials.stored.id, ctx.now());
        if let Some((pinned, read_at)) = self.topics.get(&id) {
            let valid = if in_doubt || pinned.is_none() { VALID_IN_DOUBT } else { VALID };
            if now.duration_since(read_at) < valid {
                return Ok(held(pinned));
            }
        }
        let pinned = ctx.store.pinned(id).await?;
        self.topics.insert(id, (pinned.clone(), now));
        Ok(held(pinned))
    }

    /// Verifies the signature of an envelope with the certificate at its address.
    async fn signed<'a>(
        &self,
        ctx: &Context,
        delivery: &Delivery<'a>,
        envelope: &Envelope<'_>,
    ) -> Result<Result<Verified<'a>, VerifyError>, AppError> {
        let Some(url) = envelope.certificate_url() else { return Ok(Err(VerifyError::Wrong)) };
        let Some(certificate) = self.certificate(ctx, url).await? else { return Ok(Err(VerifyError::Wrong)) };
        Ok(sns::verify(delivery, Some(&envelope.topic_arn), &certificate))
    }

    /// The certificate at an address. `None` if there is no certificate at that address.
    async fn certificate(&self, ctx: &Context, url: &str) -> Result<Option<Arc<Certificate>>, AppError> {
        let now = ctx.now();
        if let Some((certificate, fetched_at)) = self.certificates.get(&url.to_owned())
            && now.duration_since(fetched_at) < CERTIFICATE_VALID
        {
            return Ok(Some(certificate));
        }
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|failed| now.duration_since(failed) < VALID_IN_DOUBT) {
            let what = "fetching a certificate";
            return Err(AppError::Unavailable { what, source: "the last attempt has just failed".into() });
        }
        let fetched = app::source::certificate::fetch(&ctx.outside, url).await;
        let Ok(Some(certificate)) = fetched else {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            return fetched.map(|_| None);
        };
        info!(certificate = certificate.name(), "fetched SNS certificate");
        let certificate = Arc::new(certificate);
        self.certificates.insert(url.to_owned(), (certificate.clone(), now));
        Ok(Some(certificate))
    }
}
