//! The whole bundle: every function, over the embedded services, with faults between them.

use std::sync::Arc;

use anyhow::Context as _;
use app::seal::Seal;
use app::user::reach::{self, NewRule};
use app::{Clock, Context, Incoming, Random};
use axum::body::Body;
use domain::alert_route::{Grouping, Route};
use domain::id::{OrgId, SourceId, UserId};
use domain::template::Binding;
use domain::user::{MethodType, RuleTarget, Urgency};
use domain::{Actor, Timestamp};
use embedded::{Counting, Counts, Embedded, Message, Record, Wire};
use fastrand::Rng;
use http::{Request, Response};
use local::demo::{self, Demo};
use local::runner::Answer;
use local::{Feed, Invoke, PlainFeed, Runner, queues};
use machine::Observe;
use runtime::{BoxFuture, Metrics, observed};
use secrecy::SecretString;
use std::sync::Mutex;
use store::{Queues, Store};
use tower::ServiceExt;

use crate::fake_slack::FakeSlack;
use crate::faults::{FaultPlan, Faults, FaultyStream, story_clock};
use crate::inbox::{Inbox, Program, Provider};
use crate::mails::Mails;
use crate::old_data::OldData;

/// When every story begins, in milliseconds, unless it begins with what an older version left.
const BEGINNING: i64 = 1_800_000_000_000;

/// The key of the installation in which stories take place.
const KEY: &str = "a key for stories";

/// What links begin with.
const PUBLIC_URL: &str = "http://firebell.example";

/// The organisation's API key.
pub const API_KEY: &str = "fb_not_an_api_key_of_any_real_organisation";

/// The whole bundle, running.
pub struct Bundle {
    /// What the functions are built from: their calls go through the faults.
    pub context: Context,
    /// The same, but its calls always succeed: for looking. What it writes no stale copy learns of.
    pub calm: Context,
    /// The services.
    pub embedded: Embedded,
    /// What goes wrong.
    pub faults: Arc<Faults>,
    /// Where pages arrive.
    pub inbox: Arc<Inbox>,
    /// Mails that came in.
    pub mails: Arc<Mails>,
    /// Slack, in which the stories take place.
    pub slack: Arc<FakeSlack>,
    /// What the functions asked of AWS.
    pub counts: Arc<Counts>,
    /// What was measured.
    pub metrics: Arc<Metrics>,
    /// The organisation.
    pub org: OrgId,
    /// The source that the stories send to.
    pub demo: Demo,
    router: axum::Router,
    runner: Option<Runner>,
}

/// Runs invocations under the faults: one may be killed at any of its calls.
struct Faulty(Arc<Faults>);

impl Invoke for Faulty {
    fn invoke<'a>(
        &'a self,
        name: &'static str,
        running: BoxFuture<'a, Answer>,
    ) -> BoxFuture<'a, Option<Answer>> {
        Box::pin(async move { self.0.invocation(name, running).await.output() })
    }

    fn arrived(&self, messages: &mut [Message]) {
        self.0.shuffle(messages);
    }
}

/// The stream under the faults. It reads on by itself; its checkpoint is of no use, since a story has one life.
struct FaultyFeed(FaultyStream);

impl Feed for FaultyFeed {
    fn next(&mut self, max: usize) -> Result<Vec<Record>, embedded::EmbeddedError> {
        self.0.next(max)
    }

    fn done(&mut self, _: &[Record]) -> Result<(), embedded::EmbeddedError> {
        Ok(())
    }

    fn waits(&self) -> bool {
        self.0.waiting() > 0
    }
}

/// What an older version had not relayed, and then the stream of today.
struct OldFeed {
    old: Vec<Record>,
    today: PlainFeed,
}

impl Feed for OldFeed {
    fn next(&mut self, max: usize) -> Result<Vec<Record>, embedded::EmbeddedError> {
        if self.old.is_empty() {
            return self.today.next(max);
        }
        let rest = self.old.split_off(max.min(self.old.len()));
        Ok(std::mem::replace(&mut self.old, rest))
    }

    fn done(&mut self, records: &[Record]) -> Result<(), embedded::EmbeddedError> {
        // A record of the older version has a place in its own stream, not in the one of today.
        let is_of_today = |record: &Record| record.event["firebell-old"].is_null();
        if records.iter().all(is_of_today) { self.today.done(records) } else { Ok(()) }
    }

    fn waits(&self) -> bool {
        !self.old.is_empty()
    }
}

/// Random bits of a seed.
fn seeded(seed: u64) -> Random {
    let rng = Mutex::new(Rng::with_seed(seed));
    Arc::new(move || rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner).u128(..))
}

/// What a bundle is made of.
struct Parts {
    key: &'static str,
    public_url: String,
    clock: Clock,
    random: Random,
    inbox: Arc<Inbox>,
    slack: Arc<FakeSlack>,
    mails: Arc<Mails>,
    metrics: Arc<dyn Observe>,
}

fn context(wire: &Arc<dyn Wire>, parts: &Parts) -> Context {
    Context {
        store: Store::new(embedded::dynamodb(wire.clone()), embedded::TABLE, parts.metrics.clone()),
        queues: Queues::new(embedded::sqs(wire.clone()), queues::urls()),
        seal: Arc::new(Seal::new(&SecretString::from(parts.key))),
        channels: vec![parts.inbox.clone(), Arc::new(Program(parts.inbox.clone()))],
        outside: Default::default(),
        reach: Default::default(),
        public_url: parts.public_url.clone(),
        slack: parts.slack.app(),
        oidc: None,
        first_key: None,
        mail: Incoming { domain: Some("alerts.example.com".to_owned()), mailbox: Some(parts.mails.clone()) },
        clock: parts.clock.clone(),
        random: parts.random.clone(),
    }
}

/// Everything below a bundle, before its functions run.
struct Stage {
    context: Context,
    calm: Context,
    embedded: Embedded,
    faults: Arc<Faults>,
    inbox: Arc<Inbox>,
    mails: Arc<Mails>,
    slack: Arc<FakeSlack>,
    counts: Arc<Counts>,
    metrics: Arc<Metrics>,
}

impl Stage {
    fn new(
        seed: u64,
        plan: FaultPlan,
        provider: Provider,
        beginning: i64,
        (key, public_url): (&'static str, String),
    ) -> anyhow::Result<Self> {
        let milliseconds = story_clock(beginning);
        let now = milliseconds.clone();
        let clock: Clock =
            Arc::new(move || Timestamp::from_millisecond(now()).unwrap_or(Timestamp::UNIX_EPOCH));
        let embedded = Embedded::memory(queues::specs(), milliseconds.clone())?;
        let faults = Faults::new(embedded.wire(), plan, seed, milliseconds)?;
        let (counts, metrics) = (Arc::new(Counts::default()), Arc::new(Metrics::default()));
        let inbox = Inbox::new(clock.clone(), seed, provider);
        let slack = FakeSlack::new(clock.clone(), seed);
        let mails = Mails::new();
        let parts = Parts {
            key,
            public_url,
            clock,
            random: seeded(seed),
            inbox: inbox.clone(),
            slack: slack.clone(),
            mails: mails.clone(),
            metrics: metrics.clone(),
        };
        let calm = context(&embedded.wire(), &parts);
        let counted: Arc<dyn Wire> = Arc::new(Counting::new(faults.clone(), counts.clone()));
        let context = context(&counted, &parts);
        Ok(Self { context, calm, embedded, faults, inbox, mails, slack, counts, metrics })
    }

    async fn org(&self) -> anyhow::Result<OrgId> {
        self.calm.store.home().await?.context("there is no organisation")
    }

    /// Runs every function.
    fn run(self, org: OrgId, demo: Demo, feed: Box<dyn Feed>) -> Bundle {
        let Self { context, calm, embedded, faults, inbox, mails, slack, counts, metrics } = self;
        let runner = Runner::start(&context, &embedded, Arc::new(Faulty(faults.clone())), feed);
        let router = observed(runner.router.clone(), context.clock.clone(), context.random.clone());
        Bundle {
            context,
            calm,
            embedded,
            faults,
            inbox,
            slack,
            mails,
            counts,
            metrics,
            org,
            demo,
            router,
            runner: Some(runner),
        }
    }
}

impl Bundle {
    /// Starts everything, set up as the demonstration is. Call it inside a current-thread runtime with paused time.
    ///
    /// # Errors
    /// If the services cannot be made.
    pub async fn start(seed: u64, plan: FaultPlan, provider: Provider) -> anyhow::Result<Self> {
        let stage = Stage::new(seed, plan, provider, BEGINNING, (KEY, PUBLIC_URL.to_owned()))?;
        let context = &stage.context;
        let new = app::org::create::NewOrg {
            name: "Stories".to_owned(),
            owner_name: "Olive Owner".to_owned(),
            owner_email: "owner@example.com".to_owned(),
            api_key: Some(SecretString::from(API_KEY)),
        };
        // Through the faults, since the copies that they answer stale reads from must know of it.
        stage.faults.end();
        app::org::create::create(&context.store, &context.seal, &new, &context.random, context.now()).await?;
        let org = stage.org().await?;
        let demo = demo::make(context, org).await?;
        stage.faults.begin();
        let feed = Box::new(FaultyFeed(FaultyStream::new(stage.faults.clone(), stage.embedded.stream())));
        Ok(stage.run(org, demo, feed))
    }

    /// Starts everything on what an older version left, a second after it was killed.
    ///
    /// # Errors
    /// If what it left cannot be taken over.
    pub async fn start_on(old: &OldData) -> anyhow::Result<Self> {
        let settings = (crate::fixture::INSTALLATION_KEY, old.fact("/public_url").to_owned());
        let beginning = old.stopped_at().as_millisecond() + 1000;
        let stage = Stage::new(1, FaultPlan::calm(), Provider::default(), beginning, settings)?;
        for item in old.items()? {
            let put = serde_json::json!({ "TableName": embedded::TABLE, "Item": item });
            let answer = stage.embedded.dynamo().answer("PutItem", &serde_json::to_vec(&put)?);
            anyhow::ensure!(answer.is_ok(), "{}", String::from_utf8_lossy(&answer.body));
        }
        // That the items are taken over is no news.
        let stream = stage.embedded.stream();
        while let Some(last) = stream.read(1000)?.last() {
            stream.checkpoint(&last.sequence)?;
        }
        for (queue, message) in old.messages()? {
            stage.embedded.queues().send(&queue, message)?;
        }
        for mail in std::fs::read_dir(old.dir().join("mail-in"))? {
            let mail = mail?;
            stage.mails.put(&mail.file_name().to_string_lossy(), std::fs::read(mail.path())?);
        }
        let org = stage.org().await?;
        let id = old.fact("/sources/alertmanager/id").parse()?;
        let source = stage.calm.store.source(org, id).await?.context("the source is in the table")?;
        let secret = SecretString::from(old.fact("/sources/alertmanager/secret"));
        let records = old.records()?.into_iter().map(|mut record| {
            record.event["firebell-old"] = true.into();
            record
        });
        let feed = Box::new(OldFeed { old: records.collect(), today: PlainFeed(stream) });
        Ok(stage.run(org, Demo { source, secret }, feed))
    }

    /// Connects the organisation with the workspace of the stories.
    ///
    /// # Errors
    /// If it cannot be connected.
    pub async fn connect_slack(&self) -> anyhow::Result<()> {
        self.faults.end();
        let authorised = self.slack.authorised();
        let (ctx, by) = (&self.context, Actor::system(self.org, "story"));
        let (seal, random) = (&ctx.seal, &ctx.random);
        app::slack::connect::connect(&ctx.store, seal, &by, &authorised, random, ctx.now()).await?;
        self.faults.begin();
        Ok(())
    }

    /// Groups the alerts of the demonstration's route by a label.
    ///
    /// # Errors
    /// If the route cannot be changed.
    pub async fn group_by(&self, label: &str, window_seconds: u32) -> anyhow::Result<()> {
        self.faults.end();
        let store = &self.context.store;
        let mut routes = store.routes_after(self.org, None, 1).await?;
        let route = routes.pop().ok_or_else(|| anyhow::anyhow!("there is no route"))?;
        let keys = vec![Binding::Reference(format!("payload.labels.{label}"))];
        let route = Route { grouping: Some(Grouping { keys, window_seconds }), ..route };
        let (by, context) = (Actor::system(self.org, "story"), &self.context);
        app::alert_route::save::update(store, &by, route, None, &context.random, context.now()).await?;
        self.faults.begin();
        Ok(())
    }

    /// Lets the first on call be told by a program of theirs as well as by mail.
    ///
    /// # Errors
    /// If that cannot be written.
    pub async fn tell_a_program(&self) -> anyhow::Result<()> {
        let webhook = (MethodType::Webhook, "https://program.example.com/pages");
        self.reach(demo::FIRST_ON_CALL, webhook, &[MethodType::Email, MethodType::Webhook]).await.map(drop)
    }

    /// Pages somebody by direct messages in Slack, and by nothing else.
    ///
    /// # Errors
    /// If that cannot be written.
    pub async fn message_directly(&self, email: &str, slack: &str) -> anyhow::Result<UserId> {
        self.reach(email, (MethodType::Slack, slack), &[MethodType::Slack]).await
    }

    /// Gives somebody a method, and rules that use these.
    async fn reach(
        &self,
        email: &str,
        method: (MethodType, &str),
        used: &[MethodType],
    ) -> anyhow::Result<UserId> {
        self.faults.end();
        let users = self.context.store.users_after(self.org, None, 10).await?;
        let user =
            users.iter().find(|user| user.email == email).context("there is nobody of this address")?;
        let (by, context) = (&Actor::system(self.org, "story"), &self.context);
        reach::add_method(context, by, user.id, method).await?;
        let rule = |&method_type: &MethodType| NewRule {
            id: None,
            urgency: Urgency::High,
            delay_seconds: 0,
            method_type,
            target: RuleTarget::All,
        };
        let rules: Vec<NewRule> = used.iter().map(rule).collect();
        reach::set_rules(&context.store, by, user.id, &rules, &context.random, context.now()).await?;
        self.faults.begin();
        Ok(user.id)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.calm.now()
    }

    /// The source that the stories send to.
    pub fn source(&self) -> SourceId {
        self.demo.source.id
    }

    /// Answers a request; none if the function was killed before it answered.
    pub async fn request(&self, request: Request<Body>) -> Option<Response<Body>> {
        let running = self.router.clone().oneshot(request);
        let answered = self.faults.invocation("http", running).await.output()?;
        answered.ok()
    }

    /// Lets time pass.
    pub async fn pass(&self, seconds: u64) {
        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    }

    /// Stops everything.
    pub async fn stop(mut self) {
        if let Some(runner) = self.runner.take() {
            runner.stop().await;
        }
    }
}

/// The files that an older version left, and what functions are built from over them, at the time of today. Pages
/// arrive nowhere.
///
/// # Errors
/// If the files cannot be opened.
pub fn on_files(old: &OldData) -> anyhow::Result<(Context, Embedded)> {
    let clock = runtime::system_clock();
    let milliseconds = clock.clone();
    let embedded =
        Embedded::open(old.dir(), queues::specs(), Arc::new(move || milliseconds().as_millisecond()))?;
    let mails = Mails::new();
    for mail in std::fs::read_dir(old.dir().join("mail-in"))? {
        let mail = mail?;
        mails.put(&mail.file_name().to_string_lossy(), std::fs::read(mail.path())?);
    }
    let parts = Parts {
        key: crate::fixture::INSTALLATION_KEY,
        public_url: old.fact("/public_url").to_owned(),
        clock: clock.clone(),
        random: seeded(1),
        inbox: Inbox::new(clock.clone(), 1, Provider::default()),
        slack: FakeSlack::new(clock, 1),
        mails,
        metrics: Arc::new(Metrics::default()),
    };
    Ok((context(&embedded.wire(), &parts), embedded))
}
