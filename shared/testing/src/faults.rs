//! Faults that AWS has and the embedded services do not have, drawn from a seed.
//!
//! [`Faults`] is an [`AwsBackend`] over another. The faults of a call are drawn from the seed alone: on a current-thread
//! runtime with paused time the same seed does the same again, which [`Faults::log_hash`] shows.

mod clock;
mod dynamo;
mod invocation;
mod log;
mod plan;
mod queue;
mod replica;
mod stream;
mod tokens;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use embedded::{
    AwsBackend, AwsCall, AwsResponse, CallError, Clock, EmbeddedError, ResponseFuture, Service, is_write,
};
use fastrand::Rng;

pub use clock::story_clock;
pub use invocation::Ended;
pub use log::{Fault, Injected};
pub use plan::FaultPlan;
pub use stream::FaultyStream;

use log::Log;
use replica::Replicas;
use tokens::Tokens;

/// A wire that injects faults into calls.
pub struct Faults {
    inner: Arc<dyn AwsBackend>,
    plan: FaultPlan,
    clock: Clock,
    state: Mutex<FaultState>,
    over: AtomicBool,
}

/// The state that changes from call to call.
struct FaultState {
    rng: Rng,
    log: Log,
    replicas: Replicas,
    tokens: Tokens,
    /// The name of an invocation that is killed when it comes, and after how many calls.
    kill_next: Option<(String, u32)>,
}

/// What was drawn for a call before it is applied.
enum Before {
    /// The call is made.
    Goes,
    /// The call is answered without being made.
    Answered(AwsResponse),
    /// The call is never answered.
    Failed(CallError),
}

impl Faults {
    /// Puts the faults of `plan` over `inner`, drawn from `seed`.
    ///
    /// It also seeds this thread's `fastrand`, from which the clients draw how long to wait before they try again.
    ///
    /// # Errors
    ///
    /// Fails if the replicas for stale reads cannot be made.
    pub fn new(
        inner: Arc<dyn AwsBackend>,
        plan: FaultPlan,
        seed: u64,
        clock: Clock,
    ) -> Result<Arc<Self>, EmbeddedError> {
        fastrand::seed(seed);
        let state = FaultState {
            rng: Rng::with_seed(seed),
            log: Log::default(),
            replicas: Replicas::new(&clock)?,
            tokens: Tokens::default(),
            kill_next: None,
        };
        Ok(Arc::new(Self { inner, plan, clock, state: Mutex::new(state), over: AtomicBool::new(false) }))
    }

    /// The plan in force: a calm one after [`Self::end`].
    pub fn plan(&self) -> &FaultPlan {
        static CALM: LazyLock<FaultPlan> = LazyLock::new(FaultPlan::calm);
        if self.over.load(Ordering::SeqCst) { &CALM } else { &self.plan }
    }

    /// Stops injecting faults.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Injects faults again.
    pub fn begin(&self) {
        self.over.store(false, Ordering::SeqCst);
    }

    /// How often each fault was injected.
    pub fn counters(&self) -> BTreeMap<Fault, u64> {
        self.state().log.counters().clone()
    }

    /// The injected faults in order, each with the call it hit.
    pub fn injected(&self) -> Vec<Injected> {
        self.state().log.injected().to_vec()
    }

    /// The bodies of the lost messages, in order.
    pub fn lost(&self) -> Vec<String> {
        self.state().log.lost().to_vec()
    }

    /// The bodies of the delayed messages, and by how many seconds at least.
    pub fn kept_back(&self) -> Vec<(String, i64)> {
        self.state().log.kept_back().to_vec()
    }

    /// A hash over every call and its outcome.
    pub fn log_hash(&self) -> u64 {
        self.state().log.hash()
    }

    /// Draws a number of `0..below`, for a story whose own choices come from the seed too.
    pub fn choose(&self, below: usize) -> usize {
        self.state().rng.usize(..below.max(1))
    }

    /// Shuffles received messages, if the plan reorders queues.
    pub fn shuffle<T>(&self, messages: &mut [T]) {
        let mut state = self.state();
        if messages.len() > 1 && state.draw(self.plan().reordered) {
            state.rng.shuffle(messages);
            state.log.inject("ReceiveMessage", Fault::Reordered);
        }
    }

    fn state(&self) -> MutexGuard<'_, FaultState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws how long this call takes, in the runtime's time.
    fn latency(&self) -> Option<Duration> {
        let most = self.plan().latency_ms;
        (most > 0).then(|| Duration::from_millis(self.state().rng.u64(0..=most)))
    }

    /// Draws what happens before a call is applied.
    fn before(&self, call: AwsCall<'_>) -> Before {
        let mut state = self.state();
        let state = &mut *state;
        if state.draw(self.plan().before) {
            return if state.draw(self.plan().as_error) {
                state.log.inject(call.operation, Fault::ErrorBefore);
                Before::Answered(internal_error(call.service))
            } else {
                state.log.inject(call.operation, Fault::CutBefore);
                Before::Failed(CallError::BeforeApplying)
            };
        }
        if state.draw(self.plan().throttled) {
            state.log.inject(call.operation, Fault::Throttled);
            return Before::Answered(throttled(call.service, &mut state.rng));
        }
        if call.service == Service::DynamoDb && state.draw(self.plan().conflict) {
            let conflict = dynamo::conflict(call.operation, call.body, &mut state.rng);
            if let Some(answer) = conflict {
                state.log.inject(call.operation, Fault::Conflict);
                return Before::Answered(answer);
            }
        }
        Before::Goes
    }

    /// Draws whether the answer is lost. What the call wrote stays written.
    fn after(&self, call: AwsCall<'_>, answer: AwsResponse) -> Result<AwsResponse, CallError> {
        let mut state = self.state();
        if !state.draw(self.plan().after) {
            return Ok(answer);
        }
        if state.draw(self.plan().as_error) {
            state.log.inject(call.operation, Fault::ErrorAfter);
            return Ok(internal_error(call.service));
        }
        state.log.inject(call.operation, Fault::CutAfter);
        Err(CallError::AfterApplying)
    }

    /// Makes a call for which no fault was drawn before it.
    async fn make(&self, call: AwsCall<'_>) -> Result<AwsResponse, CallError> {
        match call.service {
            Service::Sqs => self.queue_call(call).await,
            Service::DynamoDb => self.table_call(call).await,
            Service::Streams => self.inner.call(call).await,
        }
    }

    /// Makes a call to the database, and keeps its writes for the replicas.
    async fn table_call(&self, call: AwsCall<'_>) -> Result<AwsResponse, CallError> {
        if let Some(answer) = self.stale(call) {
            return Ok(answer);
        }
        let renewed = self.renewed(call);
        let call = AwsCall { body: renewed.as_deref().unwrap_or(call.body), ..call };
        let split = {
            let mut state = self.state();
            let split = dynamo::split_batch(call, self.plan().unprocessed, &mut state.rng);
            if split.is_some() {
                state.log.inject(call.operation, Fault::Unprocessed);
            }
            split
        };
        let call = AwsCall { body: split.as_ref().map_or(call.body, |split| split.body.as_slice()), ..call };
        let mut answer = self.inner.call(call).await?;
        // Without stale reads no replica is ever read, and the writes would pile up.
        if answer.is_ok() && is_write(call.operation) && self.plan.stale > 0.0 {
            self.state().replicas.wrote(call);
        }
        if let Some(split) = split {
            split.hand_back(&mut answer);
        }
        Ok(answer)
    }

    /// The transaction under a new token, if its own has expired.
    fn renewed(&self, call: AwsCall<'_>) -> Option<Vec<u8>> {
        let now = (self.clock)();
        let mut state = self.state();
        let (body, expired) = state.tokens.renew(call, now)?;
        if expired {
            state.log.inject(call.operation, Fault::TokenExpired);
        }
        Some(body)
    }

    /// Answers an eventually consistent read from a replica that is some writes behind.
    fn stale(&self, call: AwsCall<'_>) -> Option<AwsResponse> {
        let read = dynamo::Read::of(call)?;
        let mut state = self.state();
        let state = &mut *state;
        // An index is always a copy: with stale reads it is always behind.
        let stale = match read {
            dynamo::Read::Index => self.plan().stale > 0.0,
            dynamo::Read::Eventual => state.draw(self.plan().stale),
            dynamo::Read::Consistent => false,
        };
        if !stale {
            return None;
        }
        let (answer, behind) = state.replicas.answer(call, self.plan().lag, &mut state.rng);
        if behind > 0 {
            state.log.inject(call.operation, Fault::Stale);
        }
        Some(answer)
    }
}

impl FaultState {
    /// Draws whether an event of this rate happens.
    fn draw(&mut self, rate: f64) -> bool {
        rate > 0.0 && self.rng.f64() < rate
    }
}

impl AwsBackend for Faults {
    fn call<'a>(&'a self, call: AwsCall<'a>) -> ResponseFuture<'a> {
        Box::pin(async move {
            self.admit(call).await?;
            if let Some(latency) = self.latency() {
                tokio::time::sleep(latency).await;
            }
            let outcome = match self.before(call) {
                Before::Answered(answer) => Ok(answer),
                Before::Failed(broken) => Err(broken),
                Before::Goes => match self.make(call).await {
                    Ok(answer) => self.after(call, answer),
                    Err(broken) => Err(broken),
                },
            };
            self.state().log.call(call, &outcome);
            outcome
        })
    }
}

/// The service's answer to an internal failure.
fn internal_error(service: Service) -> AwsResponse {
    match service {
        Service::DynamoDb | Service::Streams => AwsResponse::error(
            500,
            "com.amazonaws.dynamodb.v20120810#InternalServerError",
            "the request processing has failed because of an unknown error",
        ),
        Service::Sqs => {
            AwsResponse::error(500, "com.amazonaws.sqs#InternalFailure", "the request has failed")
        }
    }
}

/// The service's answer to too many requests.
fn throttled(service: Service, rng: &mut Rng) -> AwsResponse {
    let table = [
        "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "com.amazon.coral.availability#ThrottlingException",
    ];
    match service {
        Service::DynamoDb | Service::Streams => AwsResponse::error(
            400,
            table[rng.usize(..table.len())],
            "rate of requests exceeds the allowed throughput",
        ),
        Service::Sqs => {
            let mut answer = AwsResponse::error(403, "com.amazonaws.sqs#RequestThrottled", "rate exceeded");
            answer.query_error = Some("RequestThrottled;Sender".to_owned());
            answer
        }
    }
}
