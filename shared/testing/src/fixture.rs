//! A small organisation whose ids and secrets are always the same, so that events written down can name them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use app::slack::SlackApp;
use app::source::seal_secret;
use app::user::create::{NewUser, person};
use app::{Context, Random, Rules};
use domain::access::KeyRole;
use domain::alert::ReceivedEvent;
use domain::alert_route::{IncidentTemplate, Route, RouteSource};
use domain::api_key::ApiKey;
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget};
use domain::escalation_path::{AckMode, Level, Path, Target};
use domain::id::{ApiKeyId, AuditId, OrgId, PathId, RouteId, SignInId, SourceId};
use domain::message::Queue;
use domain::org::Org;
use domain::session::Session;
use domain::sign_in::{SignIn, SignInPerson};
use domain::source::{IntakeRules, Source, SourceState, Template as SourceTemplate};
use domain::template::Binding;
use domain::text::Document;
use domain::trace::Trace;
use domain::user::{Role, Urgency, User};
use domain::{Identity, Timestamp};
use egress::fake_internet::FakeInternet;
use embedded::{AwsBackend, Embedded, Message};
use harness::{MAIL_DOMAIN, SetClock};
use jiff::SignedDuration;
use machine::{Head, Silent, Stateful};
use notify::Channel;
use runtime::config::{self, KEY, LOG, MAIL_FROM, PUBLIC_URL, SMTP_URL, TABLE, queue_setting};
use runtime::{Config, Ports};
use secrecy::SecretString;
use serde_json::Value;
use store::Commit;

use crate::fake_slack::{CLIENT, FakeSlack, SIGNING_SECRET};
use crate::heartbeats::BEAT;
use crate::inbox::{Inbox, Provider};
use crate::mails::Mails;
use crate::rights::Rights;
use crate::template::{DeclaredFunction, Template};

/// The secret of every source.
pub const SECRET: &str = "not-a-secret-of-any-real-source";
/// The API key.
pub const API_KEY: &str = "fb_not_an_api_key_of_any_real_organisation";
/// What links begin with.
pub const PUBLIC: &str = "https://firebell.example.com";
/// The installation's key.
pub const INSTALLATION_KEY: &str = "the key of an installation that does not exist";
/// The random part of the id of a link to sign in that the owner has.
const LINK: u128 = 901;
/// The random part of the id of a link to sign in that the first responder has asked for.
const ASKED: u128 = 902;
/// What the browser of the owner keeps.
pub const SESSION: &str = "not-a-session-of-any-real-person-0000000000";
/// When everything was made: 2026-11-23T12:00:00Z.
const BEGIN: i64 = 1_795_435_200_000;

/// The organisation, and everything embedded below it.
pub struct Fixture {
    /// Database, queues and stream.
    pub embedded: Embedded,
    /// What may do everything; functions get less.
    pub context: Context,
    /// What is deployed.
    pub template: Template,
    /// The organisation.
    pub org: OrgId,
    /// The owner, who is also the fallback contact.
    pub owner: User,
    /// The person at the first level.
    pub first: User,
    /// The person at the second level.
    pub second: User,
    /// The sources, by kind.
    pub sources: BTreeMap<&'static str, SourceId>,
    /// The path that the route pages.
    pub path: PathId,
    /// The route that takes everything.
    pub route: RouteId,
    /// Where pages arrive.
    pub inbox: Arc<Inbox>,
    /// Mails that came in.
    pub mails: Arc<Mails>,
    /// Slack.
    pub slack: Arc<FakeSlack>,
    clock: SetClock,
}

impl Fixture {
    /// Makes the organisation: three people, a path of two levels, a source of each kind, a route for all of them.
    ///
    /// # Errors
    /// If the embedded database refuses.
    pub async fn new() -> anyhow::Result<Self> {
        let mut fixture = Self::empty()?;
        fixture.organise().await?;
        fixture.add_sources().await?;
        fixture.add_rules().await?;
        // What setting up tells the queues is nobody's event.
        fixture.forget()?;
        Ok(fixture)
    }

    /// The same before anything was made: the ids are known, the table is empty.
    ///
    /// # Errors
    /// If the embedded database refuses, or the template cannot be read.
    pub fn empty() -> anyhow::Result<Self> {
        let clock = SetClock::at(BEGIN);
        let counter = AtomicU64::new(1);
        let random: Random = Arc::new(move || u128::from(counter.fetch_add(1, Ordering::Relaxed)));
        let embedded = Embedded::memory(local::queues::specs(), clock.milliseconds())?;
        let inbox = Inbox::new(clock.clock(), 0, Provider::default());
        let slack = FakeSlack::new(clock.clock(), 0);
        let context = Context {
            seal: harness::seal(INSTALLATION_KEY),
            channels: vec![inbox.clone()],
            outside: sns()?.client(),
            public_url: PUBLIC.to_owned(),
            slack: slack.app(),
            ..harness::context(embedded.backend(), clock.clock(), random)
        };
        let at = context.now();
        let org = OrgId::new(at, context.random());
        let [owner, first, second] = [
            ("Olive Owner", "olive@example.com", Role::Owner),
            ("Ada Oncall", "ada@example.com", Role::Responder),
            ("Grace Backup", "grace@example.com", Role::Responder),
        ]
        .map(|(name, email, role)| {
            let new = NewUser { name: name.to_owned(), email: email.to_owned(), role };
            person(&new, &context.random, at)
        });
        Ok(Self {
            embedded,
            template: Template::load()?,
            org,
            path: PathId::new(at, context.random()),
            route: RouteId::new(at, context.random()),
            owner,
            first,
            second,
            sources: BTreeMap::new(),
            context,
            clock,
            inbox,
            mails: Mails::new(),
            slack,
        })
    }

    async fn organise(&self) -> anyhow::Result<()> {
        let at = self.context.now();
        let org = Org::new(self.org, "Example".to_owned(), self.owner.id);
        let key = ApiKey {
            id: ApiKeyId::new(at, self.context.random()),
            name: "example".to_owned(),
            comments: String::new(),
            roles: KeyRole::all(),
            hash: domain::api_key::hash(API_KEY),
            creator: Identity::system("fixture"),
            created_at: at,
            issued_at: at,
            version: 1,
        };
        let entry = self.entry(AuditTarget::new(AuditKind::ApiKey, key.id, &key.name));
        let commit = Commit::new().home(&org).new_api_key(&key, &entry);
        self.context.store.commit(commit).await?;
        for user in [&self.owner, &self.first, &self.second] {
            let entry = self.entry(AuditTarget::new(AuditKind::User, user.id, &user.name));
            self.context.store.commit(Commit::new().new_user(user, &entry)).await?;
        }
        let whom = SignInPerson { org: self.org, user: self.owner.id };
        let link = SignIn::handed_over(SignInId::new(at, LINK), whom, Trace::begin(1))?;
        let commit = Commit::new().transition(link);
        let session = Session::begin(whom, at);
        self.context.store.commit(commit.new_session(SESSION, &session)).await?;
        Ok(())
    }

    /// The first responder asks for a link to sign in.
    ///
    /// # Errors
    /// If the embedded database refuses.
    pub async fn ask_for_link(&self) -> anyhow::Result<()> {
        let id = SignInId::new(self.context.now(), ASKED);
        let asked = SignIn::asked(id, self.first.email.clone(), Trace::begin(1))?;
        self.context.store.commit(Commit::new().transition(asked)).await?;
        self.forget()
    }

    /// An entry of the audit log: what it begins with was created.
    fn entry(&self, thing: AuditTarget) -> AuditEntry {
        let id = AuditId::derived(self.context.now(), &thing.id);
        AuditEntry::by_system(self.org, "fixture", id, AuditAction::Created, thing)
    }

    async fn add_sources(&mut self) -> anyhow::Result<()> {
        let at = self.context.now();
        for source in sources::all() {
            // Of its kind alone, so that a new kind moves no id.
            let id = SourceId::derived(at, source.kind());
            let kind = domain::source::SourceKind(source.kind().to_owned());
            let made = Source {
                head: Head::stored(SourceState::Active, 0),
                org: self.org,
                id,
                name: source.name().to_owned(),
                key: app::source::key_of(&kind, &SECRET.into()),
                kind,
                secret: seal_secret(&self.context.seal, id, SECRET),
                template: SourceTemplate::default(),
                intake: IntakeRules {
                    beat: (source.options() == Some(sources::KindOptions::Heartbeat)).then_some(BEAT),
                    ..IntakeRules::default()
                },
                document: Document::default(),
                created_at: at,
                last_error: None,
                last_delivery_at: None,
                previous: None,
            };
            let made = made.born(SourceState::Active, at)?.because("system:fixture", "created");
            let entry = self.entry(AuditTarget::new(AuditKind::AlertSource, id, source.name()));
            self.context.store.commit(Commit::new().source(made, None, &entry)).await?;
            self.sources.insert(source.kind(), id);
        }
        Ok(())
    }

    async fn add_rules(&self) -> anyhow::Result<()> {
        let level = |user: &User| Level {
            targets: vec![Target { user: user.id, urgency: Urgency::High }],
            ack_seconds: 300,
            ack_mode: AckMode::First,
        };
        let path = Path {
            id: self.path,
            version: 1,
            name: "Platform on call".to_owned(),
            levels: vec![level(&self.first), level(&self.second)],
            document: Document::default(),
        };
        let sources = self.sources.values();
        let route = Route {
            grouping: None,
            id: self.route,
            version: 1,
            name: "Everything to the platform team".to_owned(),
            enabled: true,
            sources: sources.map(|&source| RouteSource { source, conditions: Vec::new() }).collect(),
            conditions: Vec::new(),
            paths: vec![self.path],
            users: Vec::new(),
            auto_cancel: true,
            incident: Some(IncidentTemplate {
                name: Binding::Reference("alert.title".to_owned()),
                summary: Some(Binding::Reference("alert.description".to_owned())),
            }),
            document: Document::default(),
        };
        let entry = self.entry(AuditTarget::new(AuditKind::EscalationPath, path.id, &path.name));
        self.context.store.commit(Commit::new().path(&path, &entry)).await?;
        let entry = self.entry(AuditTarget::new(AuditKind::AlertRoute, route.id, &route.name));
        self.context.store.commit(Commit::new().route(&route, &entry)).await?;
        Ok(())
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// Lets time pass.
    pub fn pass(&self, time: SignedDuration) {
        let milliseconds = i64::try_from(time.as_millis()).expect("a test does not last that long");
        self.clock.pass_milliseconds(milliseconds);
    }

    /// Opens what an event of an alert asks for, as `alert-handle` does.
    ///
    /// # Errors
    /// If it could not be opened.
    pub async fn receive(&self, received: &ReceivedEvent) -> anyhow::Result<()> {
        let rules = Rules::new(self.context.store.clone());
        let trace = Trace::begin(7);
        app::alert::receive::receive(&self.context.store, &rules, received, &trace, self.now()).await?;
        self.forget()
    }

    /// Who does what the tests do by hand.
    pub fn by(&self) -> Identity {
        Identity::User(self.first.id)
    }

    /// Takes what waits in a queue.
    ///
    /// # Errors
    /// If there is no such queue.
    pub fn messages(&self, queue: Queue) -> anyhow::Result<Vec<Message>> {
        Ok(self.embedded.queues().receive(queue.name(), 10)?)
    }

    /// How many messages of a queue are visible, received and delayed.
    ///
    /// # Errors
    /// If the queue cannot be read.
    pub fn counts(&self, queue: Queue) -> anyhow::Result<(u64, u64, u64)> {
        Ok(self.embedded.queues().counts(queue.name())?)
    }

    /// Empties the stream.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn forget(&self) -> anyhow::Result<()> {
        let stream = self.embedded.stream();
        loop {
            let records = stream.read(100)?;
            let Some(last) = records.last() else { return Ok(()) };
            stream.checkpoint(&last.sequence)?;
        }
    }

    /// What the template makes a function of: its settings, and its rights before every call.
    ///
    /// # Errors
    /// If the template has no such function, or its settings are no configuration.
    pub fn context_of(&self, function: &str) -> anyhow::Result<(Context, Arc<Rights>)> {
        let declared = self.template.functions()?.into_iter().find(|declared| declared.name == function);
        let declared = declared.with_context(|| format!("template.yaml has no function `{function}`"))?;
        let config = config_of(&declared, &self.template)?;
        let has = |name: &str| declared.environment.contains_key(name);
        let key = if has(KEY) { INSTALLATION_KEY } else { "a key that this function was not given" };
        let channels: Vec<Arc<dyn Channel>> =
            if has(SMTP_URL) { vec![self.inbox.clone()] } else { Vec::new() };
        let mailbox = has(config::MAIL_BUCKET).then(|| self.mails.clone() as Arc<dyn mail::Mailbox>);
        let rights = Rights::new(self.embedded.backend(), &self.template, declared.clone())?;
        let wire: Arc<dyn AwsBackend> = rights.clone();
        let ports = Ports {
            dynamodb: embedded::dynamodb(wire.clone()),
            sqs: embedded::sqs(wire),
            observe: Arc::new(Silent),
            key: SecretString::from(key),
            channels,
            mailbox,
            clock: self.context.clock.clone(),
        };
        let of_function = runtime::context(&config, ports)?;
        let api = self.slack.app().api;
        let context = Context {
            outside: self.context.outside.clone(),
            reach: Default::default(),
            slack: SlackApp { api, ..of_function.slack.clone() },
            oidc: None,
            random: self.context.random.clone(),
            ..of_function
        };
        Ok((context, rights))
    }
}

/// An SNS that has the certificate which the events are signed by.
fn sns() -> std::io::Result<FakeInternet> {
    const CERTIFICATE: &str = include_str!("../../sources/tests/sns/certificate.pem");
    FakeInternet::start(&["sns.eu-west-1.amazonaws.com"], |path| match path {
        "/SimpleNotificationService-0a.pem" => (200, CERTIFICATE.to_owned()),
        _ => (404, String::new()),
    })
}

/// The configuration that a function reads from the environment that the template gives it.
fn config_of(declared: &DeclaredFunction, template: &Template) -> anyhow::Result<Config> {
    let queues = template.queues()?;
    let urls = local::queues::urls();
    let setting = |name: &str| -> Option<String> {
        let value = declared.environment.get(name)?;
        let text = match name {
            TABLE => embedded::TABLE.to_owned(),
            KEY => INSTALLATION_KEY.to_owned(),
            config::API_KEY => API_KEY.to_owned(),
            PUBLIC_URL => PUBLIC.to_owned(),
            config::SLACK_SIGNING_SECRET => SIGNING_SECRET.to_owned(),
            config::SLACK_CLIENT_ID => CLIENT.0.to_owned(),
            config::SLACK_CLIENT_SECRET => CLIENT.1.to_owned(),
            config::SLACK_API_URL => slack::API_URL.to_owned(),
            SMTP_URL => "smtp://mail.example.com".to_owned(),
            LOG | MAIL_FROM => default_of(template, value),
            config::MAIL_DOMAIN => MAIL_DOMAIN.to_owned(),
            // The mailbox of the fixture stands for it.
            config::MAIL_BUCKET => return None,
            _ => {
                // The address of a queue, which is what a reference to it gives.
                let id = value["Ref"].as_str()?;
                let queue = queues.iter().find(|queue| queue.logical_id == id)?;
                let known = Queue::ALL.iter().find(|known| known.name() == queue.name)?;
                if queue_setting(*known) != name {
                    return Some(format!("{name} is the address of `{}`", queue.name));
                }
                urls.get(known).cloned()?
            }
        };
        Some(text)
    };
    Ok(Config::read(setting)?)
}

/// The default of the parameter that a value refers to.
fn default_of(template: &Template, value: &Value) -> String {
    let parameter = value["Ref"].as_str().unwrap_or_default();
    let default = template.at(&format!("/Parameters/{parameter}/Default"));
    default.as_str().unwrap_or_default().to_owned()
}
