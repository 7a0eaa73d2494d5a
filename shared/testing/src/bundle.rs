//! The whole bundle: every function, over the embedded services, with faults between them.

use std::sync::Arc;

use anyhow::Context as _;
use app::user::methods::{self, NewRule};
use app::{Clock, Context, Incoming, Random};
use axum::body::Body;
use domain::alert_route::{Grouping, Route};
use domain::id::{OrgId, SourceId, UserId};
use domain::template::Binding;
use domain::user::{MethodType, RuleTarget, Urgency};
use domain::{Actor, Timestamp};
use embedded::{AwsBackend, CountingBackend, Counts, Embedded, Message, Record};
use harness::{MAIL_DOMAIN, PUBLIC_URL, seeded};
use http::{Request, Response};
use local::demo::{self, Demo};
use local::runner::InvocationResult;
use local::{CheckpointedReader, Invoker, Runner, StreamReader, queues};
use machine::Observe;
use runtime::{BoxFuture, Metrics, observed};
use secrecy::SecretString;
use store::Store;
use tower::ServiceExt;

use crate::fake_slack::FakeSlack;
use crate::faults::{FaultPlan, Faults, FaultyStream, story_clock};
use crate::inbox::{Inbox, Provider, WebhookInbox};
use crate::mails::Mails;
use crate::old_data::OldData;

/// When every story begins, in milliseconds, unless it begins with what an older version left.
const BEGINNING: i64 = 1_800_000_000_000;

/// The key of the installation in which stories take place.
const KEY: &str = "a key for stories";

/// The organisation's API key.
pub const API_KEY: &str = "fb_not_an_api_key_of_any_real_organisation";

/// The whole bundle, running.
pub struct Bundle {
    /// The context of the functions: its calls go through the faults.
    pub context: Context,
    /// The same without faults, for assertions. The replicas of stale reads do not see its writes.
    pub calm: Context,
    /// The embedded services.
    pub embedded: Embedded,
    /// The faults.
    pub faults: Arc<Faults>,
    /// The inbox in which notifications arrive.
    pub inbox: Arc<Inbox>,
    /// Mails for alert sources.
    pub mails: Arc<Mails>,
    /// The fake Slack workspace.
    pub slack: Arc<FakeSlack>,
    /// Counts of the functions' calls.
    pub counts: Arc<Counts>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The organisation.
    pub org: OrgId,
    /// The alert source that the stories send to.
    pub demo: Demo,
    router: axum::Router,
    runner: Option<Runner>,
}

/// Runs invocations under the faults: an invocation can be killed at any of its calls.
struct Faulty(Arc<Faults>);

impl Invoker for Faulty {
    fn invoke<'a>(
        &'a self,
        name: &'static str,
        running: BoxFuture<'a, InvocationResult>,
    ) -> BoxFuture<'a, Option<InvocationResult>> {
        Box::pin(async move { self.0.invocation(name, running).await.output() })
    }

    fn reorder(&self, messages: &mut [Message]) {
        self.0.shuffle(messages);
    }
}

/// The stream under the faults. It needs no checkpoint: a story never restarts.
struct FaultyFeed(FaultyStream);

impl StreamReader for FaultyFeed {
    fn read(&mut self, max: usize) -> Result<Vec<Record>, embedded::EmbeddedError> {
        self.0.next(max)
    }

    fn checkpoint(&mut self, _: &[Record]) -> Result<(), embedded::EmbeddedError> {
        Ok(())
    }

    fn holds_back(&self) -> bool {
        self.0.waiting() > 0
    }
}

/// The records that an older version had not relayed, then the stream.
struct OldFeed {
    old: Vec<Record>,
    today: CheckpointedReader,
}

impl StreamReader for OldFeed {
    fn read(&mut self, max: usize) -> Result<Vec<Record>, embedded::EmbeddedError> {
        if self.old.is_empty() {
            return self.today.read(max);
        }
        let rest = self.old.split_off(max.min(self.old.len()));
        Ok(std::mem::replace(&mut self.old, rest))
    }

    fn checkpoint(&mut self, records: &[Record]) -> Result<(), embedded::EmbeddedError> {
        // The sequence number of an old record belongs to the old stream.
        let is_of_today = |record: &Record| record.event["firebell-old"].is_null();
        if records.iter().all(is_of_today) { self.today.checkpoint(records) } else { Ok(()) }
    }

    fn holds_back(&self) -> bool {
        !self.old.is_empty()
    }
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

fn context(wire: &Arc<dyn AwsBackend>, parts: &Parts) -> Context {
    Context {
        store: Store::new(embedded::dynamodb(wire.clone()), embedded::TABLE, parts.metrics.clone()),
        seal: harness::seal(parts.key),
        channels: vec![parts.inbox.clone(), Arc::new(WebhookInbox(parts.inbox.clone()))],
        slack: parts.slack.app(),
        mail: Incoming { domain: Some(MAIL_DOMAIN.to_owned()), mailbox: Some(parts.mails.clone()) },
        public_url: parts.public_url.clone(),
        ..harness::context(wire.clone(), parts.clock.clone(), parts.random.clone())
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
        let clock = harness::clock_of(milliseconds.clone());
        let embedded = Embedded::memory(queues::specs(), milliseconds.clone())?;
        let faults = Faults::new(embedded.backend(), plan, seed, milliseconds)?;
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
        let calm = context(&embedded.backend(), &parts);
        let counted: Arc<dyn AwsBackend> = Arc::new(CountingBackend::new(faults.clone(), counts.clone()));
        let context = context(&counted, &parts);
        Ok(Self { context, calm, embedded, faults, inbox, mails, slack, counts, metrics })
    }

    async fn org(&self) -> anyhow::Result<OrgId> {
        self.calm.store.home().await?.context("there is no organisation")
    }

    /// Runs every function.
    fn run(self, org: OrgId, demo: Demo, feed: Box<dyn StreamReader>) -> Bundle {
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
    /// Starts every function on the demonstration's organisation. Call it in a current-thread runtime with paused time.
    ///
    /// # Errors
    /// If the embedded services cannot be made.
    pub async fn start(seed: u64, plan: FaultPlan, provider: Provider) -> anyhow::Result<Self> {
        let stage = Stage::new(seed, plan, provider, BEGINNING, (KEY, PUBLIC_URL.to_owned()))?;
        let context = &stage.context;
        let new = app::org::create::NewOrg {
            name: "Stories".to_owned(),
            owner_name: "Olive Owner".to_owned(),
            owner_email: "owner@example.com".to_owned(),
            api_key: Some(SecretString::from(API_KEY)),
        };
        // Through the faults, so that the replicas of stale reads see it.
        stage.faults.end();
        app::org::create::create(&context.store, &context.seal, &new, &context.random, context.now()).await?;
        let org = stage.org().await?;
        let demo = demo::create(context, org).await?;
        stage.faults.begin();
        let feed = Box::new(FaultyFeed(FaultyStream::new(stage.faults.clone(), stage.embedded.stream())));
        Ok(stage.run(org, demo, feed))
    }

    /// Starts every function on the data of an older version, a second after that was killed.
    ///
    /// # Errors
    /// If the data cannot be read.
    pub async fn start_on(old: &OldData) -> anyhow::Result<Self> {
        let settings = (crate::fixture::INSTALLATION_KEY, old.fact("/public_url").to_owned());
        let beginning = old.stopped_at().as_millisecond() + 1000;
        let stage = Stage::new(1, FaultPlan::calm(), Provider::default(), beginning, settings)?;
        for item in old.items()? {
            let put = serde_json::json!({ "TableName": embedded::TABLE, "Item": item });
            let answer = stage.embedded.dynamo().answer("PutItem", &serde_json::to_vec(&put)?);
            anyhow::ensure!(answer.is_ok(), "{}", String::from_utf8_lossy(&answer.body));
        }
        // The stream must not relay the imported items again.
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
        let feed = Box::new(OldFeed { old: records.collect(), today: CheckpointedReader(stream) });
        Ok(stage.run(org, Demo { source, secret }, feed))
    }

    /// Connects the organisation to the fake Slack workspace.
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

    /// Adds a webhook to the methods of the first person on call.
    ///
    /// # Errors
    /// If that cannot be written.
    pub async fn add_webhook(&self) -> anyhow::Result<()> {
        let webhook = (MethodType::Webhook, "https://program.example.com/pages");
        self.reach(demo::FIRST_ON_CALL, webhook, &[MethodType::Email, MethodType::Webhook]).await.map(drop)
    }

    /// Sets direct messages in Slack as a person's only method in the rules.
    ///
    /// # Errors
    /// If that cannot be written.
    pub async fn message_directly(&self, email: &str, slack: &str) -> anyhow::Result<UserId> {
        self.reach(email, (MethodType::Slack, slack), &[MethodType::Slack]).await
    }

    /// Adds a notification method, and sets rules that use these method types.
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
        methods::add_method(context, by, user.id, method).await?;
        let rule = |&method_type: &MethodType| NewRule {
            id: None,
            urgency: Urgency::High,
            delay_seconds: 0,
            method_type,
            target: RuleTarget::All,
        };
        let rules: Vec<NewRule> = used.iter().map(rule).collect();
        methods::set_rules(&context.store, by, user.id, &rules, &context.random, context.now()).await?;
        self.faults.begin();
        Ok(user.id)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.calm.now()
    }

    /// The alert source that the stories send to.
    pub fn source(&self) -> SourceId {
        self.demo.source.id
    }

    /// Sends a request. Returns `None` if the function was killed before it answered.
    pub async fn request(&self, request: Request<Body>) -> Option<Response<Body>> {
        let running = self.router.clone().oneshot(request);
        let answered = self.faults.invocation("http", running).await.output()?;
        answered.ok()
    }

    /// Lets time pass.
    pub async fn pass(&self, seconds: u64) {
        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    }

    /// Stops every function.
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
    Ok((context(&embedded.backend(), &parts), embedded))
}
