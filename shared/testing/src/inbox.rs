//! Where pages arrive in stories: a provider that keeps everything, and may fail as providers do.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Timestamp;
use domain::user::MethodType;
use fastrand::Rng;
use futures_util::future::BoxFuture;
use notify::{Channel, OutgoingNotification, Receipt, SendError, ServiceEmail};

/// A page that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// When.
    pub at: Timestamp,
    /// The page: the same for every attempt.
    pub notification: String,
    /// To whom.
    pub address: String,
    /// What it is about.
    pub title: String,
    /// The link that acknowledges.
    pub acknowledge_url: String,
    /// Whether the sender was told that it arrived.
    pub answered: bool,
    /// The way that it came.
    pub method_type: MethodType,
}

/// What the provider does wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Provider {
    /// How often it refuses, for now.
    pub refuses: f64,
    /// How often it takes a page and its answer is lost.
    pub mute: f64,
    /// Whether it is down.
    pub down: bool,
}

/// The inbox of everybody.
pub struct Inbox {
    clock: app::Clock,
    state: Mutex<State>,
}

struct State {
    arrived: Vec<Arrived>,
    letters: Vec<ServiceEmail>,
    provider: Provider,
    rng: Rng,
}

impl Inbox {
    /// An empty inbox, whose provider does what it does by this seed.
    pub fn new(clock: app::Clock, seed: u64, provider: Provider) -> Arc<Self> {
        let state =
            State { arrived: Vec::new(), letters: Vec::new(), provider, rng: Rng::with_seed(seed ^ 0x1b0c) };
        Arc::new(Self { clock, state: Mutex::new(state) })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that arrived.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.state().arrived.clone()
    }

    /// Every letter that arrived.
    pub fn letters(&self) -> Vec<ServiceEmail> {
        self.state().letters.clone()
    }

    /// Changes what the provider does wrong.
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

/// A program that takes webhooks into the same inbox: a page whose key it has seen does not arrive again.
pub struct Program(pub Arc<Inbox>);

impl Channel for Program {
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
    /// Takes a page, as the provider is in the mood to.
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
            let seen = match method_type {
                MethodType::Email | MethodType::Slack => false,
                MethodType::Webhook => state.arrived.iter().any(|arrived| arrived.notification == *key),
            };
            let arrived = Arrived {
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
