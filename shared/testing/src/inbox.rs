//! The inbox of every person in the stories: a provider that keeps each notification, and can fail as providers do.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Timestamp;
use domain::user::MethodType;
use fastrand::Rng;
use futures_util::future::BoxFuture;
use notify::{Channel, OutgoingNotification, Receipt, SendError, ServiceEmail};

/// A notification that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedNotification {
    /// When it arrived.
    pub at: Timestamp,
    /// The notification's idempotency key: the same for every attempt.
    pub notification: String,
    /// The address that it was sent to.
    pub address: String,
    /// Its title.
    pub title: String,
    /// The link that acknowledges.
    pub acknowledge_url: String,
    /// Whether the provider's answer reached the sender.
    pub answered: bool,
    /// The type of its method.
    pub method_type: MethodType,
}

/// The faults of the provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct Provider {
    /// The share of sends that it refuses as transient.
    pub refuses: f64,
    /// The share of sends that it takes, but whose answer is lost.
    pub mute: f64,
    /// Whether it refuses every send.
    pub down: bool,
}

/// The inbox of every person.
pub struct Inbox {
    clock: app::Clock,
    state: Mutex<InboxState>,
}

struct InboxState {
    arrived: Vec<ArrivedNotification>,
    letters: Vec<ServiceEmail>,
    provider: Provider,
    rng: Rng,
}

impl Inbox {
    /// Makes an empty inbox. Its provider draws its faults from the seed.
    pub fn new(clock: app::Clock, seed: u64, provider: Provider) -> Arc<Self> {
        let state = InboxState {
            arrived: Vec::new(),
            letters: Vec::new(),
            provider,
            rng: Rng::with_seed(seed ^ 0x1b0c),
        };
        Arc::new(Self { clock, state: Mutex::new(state) })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every notification that arrived.
    pub fn arrived(&self) -> Vec<ArrivedNotification> {
        self.state().arrived.clone()
    }

    /// Every letter that arrived.
    pub fn letters(&self) -> Vec<ServiceEmail> {
        self.state().letters.clone()
    }

    /// Changes the faults of the provider.
    pub fn provider(&self, provider: Provider) {
        self.state().provider = provider;
    }
}

impl Channel for Inbox {
    fn method_type(&self) -> MethodType {
        MethodType::Email
    }

    fn send<'a>(&'a self, outgoing: &'a OutgoingNotification) -> BoxFuture<'a, Result<Receipt, SendError>> {
        self.take(outgoing, MethodType::Email)
    }

    fn send_service_email<'a>(
        &'a self,
        letter: &'a ServiceEmail,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let mut state = self.state();
            if state.provider.down {
                return Err(SendError::Transient { reason: "the provider is busy".to_owned(), source: None });
            }
            state.letters.push(letter.clone());
            Ok(Receipt::new("kept"))
        })
    }
}

/// A receiver of webhooks over the same inbox: a notification whose key it knows does not arrive again.
pub struct WebhookInbox(pub Arc<Inbox>);

impl Channel for WebhookInbox {
    fn method_type(&self) -> MethodType {
        MethodType::Webhook
    }

    fn send<'a>(&'a self, outgoing: &'a OutgoingNotification) -> BoxFuture<'a, Result<Receipt, SendError>> {
        if outgoing.secret.is_none() {
            let unsigned = SendError::Permanent { reason: "it is not signed".to_owned(), source: None };
            return Box::pin(std::future::ready(Err(unsigned)));
        }
        self.0.take(outgoing, MethodType::Webhook)
    }
}

impl Inbox {
    /// Takes a notification, subject to the provider's faults.
    fn take<'a>(
        &'a self,
        outgoing: &'a OutgoingNotification,
        method_type: MethodType,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move {
            let wait = self.state().rng.u64(1..200);
            tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
            let transient = |reason: &str| SendError::Transient { reason: reason.to_owned(), source: None };
            let mut state = self.state();
            let Provider { refuses, mute, down } = state.provider;
            if down || state.rng.f64() < refuses {
                return Err(transient("the provider is busy"));
            }
            let answered = state.rng.f64() >= mute;
            let key = &outgoing.idempotency_key;
            let seen = method_type.facts().drops_repeats
                && state.arrived.iter().any(|arrived| arrived.notification == *key);
            let arrived = ArrivedNotification {
                at: (self.clock)(),
                notification: outgoing.idempotency_key.clone(),
                address: outgoing.address.clone(),
                title: outgoing.title.clone(),
                acknowledge_url: outgoing.acknowledge_url.clone(),
                answered,
                method_type,
            };
            if !seen {
                state.arrived.push(arrived);
            }
            if answered { Ok(Receipt::new("kept")) } else { Err(transient("the provider did not answer")) }
        })
    }
}
