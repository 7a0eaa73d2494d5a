//! An installation for tests: embedded services, a clock that the test sets, and a context over them.

mod clock;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use app::org::create::{CreatedOrg, NewOrg};
use app::seal::Seal;
use app::slack::SlackApp;
use app::{AppError, Clock, Context, Incoming, Random};
use domain::Timestamp;
use domain::message::Queue;
use domain::org::Org;
use embedded::{AwsBackend, Embedded, EmbeddedError, QueueSpec};
use fastrand::Rng;
use machine::Silent;
use secrecy::SecretString;
use store::{Queues, Store};

pub use clock::SetClock;

/// A moment in 2026, in milliseconds: when a test begins that does not say otherwise.
pub const NOON: i64 = 1_795_003_200_000;

/// What links begin with.
pub const PUBLIC_URL: &str = "http://firebell.example";

/// The domain of the email addresses of alert sources.
pub const MAIL_DOMAIN: &str = "alerts.example.com";

/// The key of the installation.
pub const KEY: &str = "a key for tests";

/// An installation with an empty database.
pub struct Installation {
    /// The database, the queues and the stream.
    pub embedded: Embedded,
    /// The clock that all of it reads.
    pub clock: SetClock,
    /// What functions are built from.
    pub context: Context,
}

impl Installation {
    /// Makes one that begins at a time, in milliseconds, and draws its ids from a seed.
    ///
    /// # Errors
    /// [`EmbeddedError`] if the embedded services cannot be made.
    pub fn new(begin: i64, seed: u64) -> Result<Self, EmbeddedError> {
        let clock = SetClock::at(begin);
        let embedded = Embedded::memory(queue_specs(), clock.milliseconds())?;
        let context = context(embedded.backend(), clock.clock(), seeded(seed));
        Ok(Self { embedded, clock, context })
    }

    /// Creates an organisation and its owner. Returns the organisation and its API key.
    ///
    /// # Errors
    /// [`AppError`] if the store failed.
    ///
    /// # Panics
    /// If the installation has an organisation already.
    pub async fn create_org(&self, name: &str, owner_email: &str) -> Result<(Org, String), AppError> {
        let new = NewOrg {
            name: name.to_owned(),
            owner_name: "Olive Owner".to_owned(),
            owner_email: owner_email.to_owned(),
            api_key: None,
        };
        let Context { store, seal, random, .. } = &self.context;
        match app::org::create::create(store, seal, &new, random, self.context.now()).await? {
            CreatedOrg::New { org, api_key } => Ok((*org, api_key)),
            CreatedOrg::Existing(_) => panic!("the installation has an organisation already"),
        }
    }
}

/// A context over embedded services. It reaches nobody: a test that needs channels or Slack replaces that part.
pub fn context(backend: Arc<dyn AwsBackend>, clock: Clock, random: Random) -> Context {
    Context {
        store: Store::new(embedded::dynamodb(backend.clone()), embedded::TABLE, Arc::new(Silent)),
        queues: Queues::new(embedded::sqs(backend), queue_urls()),
        seal: seal(KEY),
        channels: Vec::new(),
        slack: SlackApp::default(),
        outside: egress::Client::default(),
        reach: egress::Reach::default(),
        mail: Incoming { domain: Some(MAIL_DOMAIN.to_owned()), mailbox: None },
        public_url: PUBLIC_URL.to_owned(),
        first_key: None,
        oidc: None,
        clock,
        random,
    }
}

/// The seal of an installation's key.
pub fn seal(key: &str) -> Arc<Seal> {
    Arc::new(Seal::new(&SecretString::from(key)))
}

/// Random bits that are the same for the same seed.
pub fn seeded(seed: u64) -> Random {
    let rng = Mutex::new(Rng::with_seed(seed));
    Arc::new(move || rng.lock().unwrap_or_else(PoisonError::into_inner).u128(..))
}

/// The app's clock over a clock in milliseconds.
pub fn clock_of(milliseconds: embedded::Clock) -> Clock {
    Arc::new(move || Timestamp::from_millisecond(milliseconds()).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Every queue, with neither dead-letter queues nor the times of the template, which `local` has.
fn queue_specs() -> Vec<QueueSpec> {
    let spec = |queue: &Queue| QueueSpec {
        name: queue.name().to_owned(),
        visibility_timeout_s: 30,
        max_receive_count: 5,
        dead_letter: None,
    };
    Queue::ALL.iter().map(spec).collect()
}

/// The addresses of the queues inside the process.
fn queue_urls() -> BTreeMap<Queue, String> {
    Queue::ALL.iter().map(|&queue| (queue, format!("http://embedded/queue/{}", queue.name()))).collect()
}
