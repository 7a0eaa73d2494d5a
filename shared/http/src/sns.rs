//! Deliveries through SNS: a source that a topic is pinned to takes what SNS signed for that topic, and nothing else.
//!
//! A forged delivery costs at most one read more a source and five seconds than another, and no request to anybody:
//! a certificate is fetched only for who names the secret or the topic, and not while the last fetch has just failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use app::{AppError, Context};
use domain::Timestamp;
use domain::id::SourceId;
use domain::source::pinned_topic::{PinnedTopic, TopicPin};
use jiff::SignedDuration;
use sources::sns::{self, Certificate, Envelope, Purpose};
use sources::{AlertSource, Delivery, Verified, VerifyError};
use tracing::info;

use crate::door::Opened;

/// How long a topic that is known holds: only another secret makes a source forget it.
const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// How long an absence holds, and how long nothing is fetched after a fetch that failed.
const DOUBTED: SignedDuration = SignedDuration::from_secs(5);
/// How long a certificate is kept. It stands at its address for ever; what it says of its own time is looked at each
/// time.
const CERTIFIED: SignedDuration = SignedDuration::from_hours(24);
/// How many topics are kept.
const MOST_TOPICS: usize = 4096;
/// How many certificates are kept: each region has one, and the one before.
const MOST_CERTIFICATES: usize = 64;

/// A source's own example, which is delivered from within: the extension of its request says so, which nobody outside
/// can put there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnExample;

/// What is known of topics and certificates.
#[derive(Default)]
pub(crate) struct Sns {
    topics: Mutex<HashMap<SourceId, (Option<PinnedTopic>, Timestamp)>>,
    certificates: Mutex<HashMap<String, (Arc<Certificate>, Timestamp)>>,
    failed: Mutex<Option<Timestamp>>,
}

impl Sns {
    /// Holds a delivery to its source's topic; `by_secret` is what came of its secret alone.
    ///
    /// A subscription that asks to be confirmed names the secret that there is and is signed, for whichever topic. Once
    /// a topic is pinned, the secret counts no more: it stands in an address that others may see.
    pub(crate) async fn verify<'a>(
        &self,
        ctx: &Context,
        opened: &Opened,
        delivery: &Delivery<'a>,
        (source, by_secret): (&dyn AlertSource, Result<Verified<'a>, VerifyError>),
        doubted: bool,
    ) -> Result<Result<Verified<'a>, VerifyError>, AppError> {
        let envelope = Envelope::read(delivery.body);
        if by_secret.is_err() && envelope.is_none() {
            return Ok(by_secret);
        }
        let pinned = self.pinned(ctx, opened, doubted).await?;
        let is_newest = source.verify(delivery, &opened.secret, None).is_ok();
        let asks = |envelope: &Envelope<'_>| envelope.purpose == Purpose::SubscriptionConfirmation;
        match (&pinned, &envelope) {
            (Some((pinned, _)), Some(envelope)) if pinned.topic == envelope.topic_arn => {
                self.signed(ctx, delivery, envelope).await
            }
            (None | Some((_, TopicPin::UntilReplaced)), Some(envelope)) if asks(envelope) && is_newest => {
                self.signed(ctx, delivery, envelope).await
            }
            (Some(_), _) => Ok(by_secret.and(Err(VerifyError::WrongTopic))),
            // The secret before pins nothing: it was replaced because somebody else may know it.
            (None, Some(envelope)) if asks(envelope) => Ok(by_secret.and(Err(VerifyError::Wrong))),
            (None, _) => Ok(by_secret),
        }
    }

    /// Pins a topic to a source that knows none; false if it knows another.
    pub(crate) async fn pin(&self, ctx: &Context, opened: &Opened, topic: &str) -> Result<bool, AppError> {
        let pinned = PinnedTopic::new(&opened.door, topic.to_owned(), ctx.now());
        let is_ours = ctx.store.pin(&pinned).await?;
        if is_ours {
            self.keep(opened.door.id, Some(pinned), ctx.now());
            info!(alert_source.id = %opened.door.id, "pinned a topic to alert source `{}`", opened.door.id);
        }
        Ok(is_ours)
    }

    /// The topic of a source, if it has one.
    async fn pinned(
        &self,
        ctx: &Context,
        opened: &Opened,
        doubted: bool,
    ) -> Result<Option<(PinnedTopic, TopicPin)>, AppError> {
        let held = |pinned: Option<PinnedTopic>| {
            let pinned = pinned?;
            let held = pinned.held(&opened.door, ctx.now())?;
            Some((pinned, held))
        };
        let (id, now) = (opened.door.id, ctx.now());
        let known = self.topics.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some((pinned, since)) = known {
            let holds = if doubted || pinned.is_none() { DOUBTED } else { KEPT };
            if now.duration_since(since) < holds {
                return Ok(held(pinned));
            }
        }
        let pinned = ctx.store.pinned(id).await?;
        self.keep(id, pinned.clone(), now);
        Ok(held(pinned))
    }

    /// Remembers what was read.
    fn keep(&self, id: SourceId, pinned: Option<PinnedTopic>, now: Timestamp) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if topics.len() >= MOST_TOPICS {
            topics.clear();
        }
        topics.insert(id, (pinned, now));
    }

    /// Verifies the signature of an envelope by the certificate that it names.
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

    /// The certificate at an address; none if there is none.
    async fn certificate(&self, ctx: &Context, url: &str) -> Result<Option<Arc<Certificate>>, AppError> {
        let now = ctx.now();
        let known = self.certificates.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        if let Some((certificate, since)) = known
            && now.duration_since(since) < CERTIFIED
        {
            return Ok(Some(certificate));
        }
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|failed| now.duration_since(failed) < DOUBTED) {
            let what = "fetching a certificate";
            return Err(AppError::Unavailable { what, source: "the last one has just failed".into() });
        }
        let fetched = app::source::certificate::fetch(&ctx.outside, url).await;
        let Ok(Some(certificate)) = fetched else {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            return fetched.map(|_| None);
        };
        info!(certificate = certificate.name(), "fetched a certificate of SNS");
        let certificate = Arc::new(certificate);
        let mut kept = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_CERTIFICATES {
            kept.clear();
        }
        kept.insert(url.to_owned(), (certificate.clone(), now));
        Ok(Some(certificate))
    }
}
