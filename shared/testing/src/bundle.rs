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
use embedded::{AwsBackend, CountingBackend, Counts, Embedded, Message, Record};
use fastrand::Rng;
use http::{Request, Response};
use local::demo::{self, Demo};
use local::runner::InvocationResult;
use local::{Invoker, Runner, StreamReader, queues};
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

/// When every story begins.
const BEGINNING: i64 = 1_800_000_000_000;

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

/// The stream under the faults. It reads on by itself; its checkpoint is of no use, since a story has one life.
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

/// Random bits of a seed.
fn seeded(seed: u64) -> Random {
    let rng = Mutex::new(Rng::with_seed(seed));
    Arc::new(move || rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner).u128(..))
}

/// What a bundle is made of.
struct Parts {
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
        queues: Queues::new(embedded::sqs(wire.clone()), queues::urls()),
        seal: Arc::new(Seal::new(&SecretString::from("a key for stories"))),
        channels: vec![parts.inbox.clone(), Arc::new(Program(parts.inbox.clone()))],
        outside: Default::default(),
        reach: Default::default(),
        public_url: "http://firebell.example".to_owned(),
        slack: parts.slack.app(),
        oidc: None,
        first_key: None,
        mail: Incoming { domain: Some("alerts.example.com".to_owned()), mailbox: Some(parts.mails.clone()) },
        clock: parts.clock.clone(),
        random: parts.random.clone(),
    }
}

impl Bundle {
    /// Starts everything, set up as the demonstration is. Call it inside a current-thread runtime with paused time.
    ///
    /// # Errors
    /// If the services cannot be made.
    pub async fn start(seed: u64, plan: FaultPlan, provider: Provider) -> anyhow::Result<Self> {
        let milliseconds = story_clock(BEGINNING);
        let now = milliseconds.clone();
        let clock: Clock =
            Arc::new(move || Timestamp::from_millisecond(now()).unwrap_or(Timestamp::UNIX_EPOCH));
        let embedded = Embedded::memory(queues::specs(), milliseconds.clone())?;
        let faults = Faults::new(embedded.backend(), plan, seed, milliseconds)?;
        let (counts, metrics) = (Arc::new(Counts::default()), Arc::new(Metrics::default()));
        let inbox = Inbox::new(clock.clone(), seed, provider);
        let slack = FakeSlack::new(clock.clone(), seed);
        let mails = Mails::new();
        let parts = Parts {
            clock: clock.clone(),
            random: seeded(seed),
            inbox: inbox.clone(),
            slack: slack.clone(),
            mails: mails.clone(),
            metrics: metrics.clone(),
        };
        let calm = context(&embedded.backend(), &parts);
        let counted: Arc<dyn AwsBackend> = Arc::new(CountingBackend::new(faults.clone(), counts.clone()));
        let context = context(&counted, &parts);

        let new = app::org::create::NewOrg {
            name: "Stories".to_owned(),
            owner_name: "Olive Owner".to_owned(),
            owner_email: "owner@example.com".to_owned(),
            api_key: Some(SecretString::from(API_KEY)),
        };
        // Through the faults, since the copies that they answer stale reads from must know of it.
        faults.end();
        app::org::create::create(&context.store, &context.seal, &new, &context.random, context.now()).await?;
        let org = calm.store.home().await?.ok_or_else(|| anyhow::anyhow!("there is no organisation"))?;
        let demo = demo::create(&context, org).await?;
        faults.begin();

        let feed = Box::new(FaultyFeed(FaultyStream::new(faults.clone(), embedded.stream())));
        let runner = Runner::start(&context, &embedded, Arc::new(Faulty(faults.clone())), feed);
        let router = observed(runner.router.clone(), context.clock.clone(), context.random.clone());
        let runner = Some(runner);
        Ok(Self {
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
            runner,
        })
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
