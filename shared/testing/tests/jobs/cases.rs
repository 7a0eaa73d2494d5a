//! How a job of each kind comes to be due, and how its effect is counted.

use app::escalation::respond;
use app::slack::connect;
use app::user;
use domain::alert::AlertState;
use domain::alert::attribute::Bound;
use domain::audit::{AuditAction, AuditEntry, AuditKind as ThingKind, AuditTarget};
use domain::id::{AttributeId, AuditId, SignInId, SourceId};
use domain::job::JobKind;
use domain::job::lease::Leased;
use domain::slack::step::NewStep;
use domain::slack::{ChannelId, StepId, TeamId, Thread, Work};
use domain::source::{AutoResolve, IntakeRules, Source};
use domain::template::Binding;
use domain::trace::Trace;
use domain::{Actor, Timestamp};
use embedded::Snapshot;
use machine::Stateful;
use serde_json::{Value, json};
use store::Commit;
use testing::bundle::Bundle;
use testing::fake_slack::{ANNOUNCEMENTS, SlackFaults, TEAM};
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::ledger::Ledger;
use testing::sender::Alert;

/// Whether the other side cannot recognise a repeated attempt, so that an attempt whose mark was lost has its effect
/// twice.
pub(crate) const fn may_repeat(kind: JobKind) -> bool {
    match kind {
        JobKind::Notification | JobKind::SignInMail => true,
        JobKind::SlackStep
        | JobKind::EscalationLevel
        | JobKind::AlertSettle
        | JobKind::HeartbeatCheck
        | JobKind::AlertExpiry
        | JobKind::Backfill => false,
    }
}

/// One job of a kind, in a bundle of its own.
pub(crate) struct JobUnderTest {
    /// The kind.
    pub(crate) kind: JobKind,
    /// The bundle.
    pub(crate) bundle: Bundle,
    /// The heartbeat's source, if the job is of one.
    heartbeat: Option<SourceId>,
}

/// How many alerts a backfill reads again.
const ALERTS: usize = 3;

/// How long an alert lasts that its source does not send again.
const MINUTES: u32 = 3;

impl JobUnderTest {
    /// Starts a bundle under a plan of faults, and makes everything that a job of the kind needs, without any fault.
    ///
    /// It ends five seconds after a sweep, with the faults ended.
    pub(crate) async fn new(kind: JobKind, plan: FaultPlan) -> Self {
        let bundle = Bundle::start(1, plan, Provider::default()).await.unwrap();
        bundle.faults.end();
        let mut case = Self { kind, bundle, heartbeat: None };
        let bundle = &case.bundle;
        match kind {
            JobKind::EscalationLevel | JobKind::Notification | JobKind::SignInMail => {}
            JobKind::AlertSettle => case.fire(&["fire"]).await,
            JobKind::SlackStep => bundle.connect_slack().await.unwrap(),
            JobKind::HeartbeatCheck => {
                case.heartbeat = Some(bundle.add_heartbeat(&bundle.context.store).await.unwrap());
            }
            JobKind::AlertExpiry => {
                let lasts = Some(AutoResolve { minutes: MINUTES, in_incidents: true });
                change_source(bundle, |source| {
                    source.intake = IntakeRules { lasts, ..IntakeRules::default() }
                })
                .await;
            }
            JobKind::Backfill => {
                case.fire(&["fire 0", "fire 1", "fire 2"]).await;
                bind_team(bundle).await;
            }
        }
        case.bundle.faults.end();
        case.after_a_sweep().await;
        case
    }

    /// Makes the job. Once it is there, the faults begin if `faulty` says so.
    pub(crate) async fn trigger(&self, faulty: bool) {
        let bundle = &self.bundle;
        if faulty {
            bundle.faults.begin();
        }
        let (context, by) = (&bundle.calm, Actor::system(bundle.org, "law"));
        match self.kind {
            JobKind::EscalationLevel | JobKind::Notification | JobKind::AlertExpiry => {
                self.fire(&["fire"]).await
            }
            JobKind::AlertSettle => {
                let alert = Alert::now(bundle, "fire").over(bundle);
                assert!(bundle.deliver(&[alert]).await);
            }
            JobKind::SignInMail => {
                let (store, random) = (&bundle.context.store, &context.random);
                let trace = Trace::begin(random());
                app::sign_in::ask::ask(store, "ada@example.com", "here", trace, random, bundle.now())
                    .await
                    .unwrap();
            }
            JobKind::SlackStep => {
                let new = NewStep { thread: thread(), id: step_id(), incident: None, work: reply() };
                let step = new.open(bundle.org, &Trace::begin(3), bundle.now());
                bundle.context.store.commit(Commit::new().transition(step)).await.unwrap();
            }
            JobKind::HeartbeatCheck => assert!(bundle.ping(self.heartbeat.unwrap()).await),
            JobKind::Backfill => {
                let which = (bundle.source(), Trace::begin(3));
                let (store, random) = (&bundle.context.store, &context.random);
                app::source::backfill::begin(store, &by, which, random, bundle.now()).await.unwrap();
            }
        }
    }

    /// When the job is due.
    pub(crate) async fn due(&self) -> Timestamp {
        let (bundle, store) = (&self.bundle, &self.bundle.calm.store);
        match self.kind {
            JobKind::EscalationLevel => self.ledger().await.escalations[0].due.unwrap(),
            JobKind::HeartbeatCheck => {
                store.heartbeat(bundle.org, self.heartbeat.unwrap()).await.unwrap().unwrap().due.unwrap()
            }
            JobKind::AlertExpiry => {
                let id = self.ledger().await.alerts[0].id;
                store.expiry(bundle.org, id).await.unwrap().unwrap().due
            }
            JobKind::AlertSettle
            | JobKind::Notification
            | JobKind::SignInMail
            | JobKind::SlackStep
            | JobKind::Backfill => bundle.now(),
        }
    }

    /// How often people or other systems have seen the job's effect.
    pub(crate) async fn effects(&self) -> usize {
        let bundle = &self.bundle;
        let arrived = bundle.inbox.arrived();
        match self.kind {
            JobKind::EscalationLevel => {
                arrived.iter().filter(|arrived| arrived.address == "grace@example.com").count()
            }
            JobKind::Notification => {
                arrived.iter().filter(|arrived| arrived.address == "ada@example.com").count()
            }
            JobKind::AlertSettle => {
                let history = self.ledger().await.history;
                let escalations = history.iter().filter(|(partition, _)| partition.contains("#ESCALATION#"));
                escalations.flat_map(|(_, rows)| rows).filter(|row| row.to == "resolved").count()
            }
            JobKind::SignInMail => bundle.inbox.letters().len(),
            JobKind::SlackStep => bundle.slack.messages_in(ANNOUNCEMENTS).len(),
            JobKind::HeartbeatCheck => self.ledger().await.alerts.len(),
            JobKind::AlertExpiry => {
                let history = self.ledger().await.history;
                let alerts = history.iter().filter(|(partition, _)| partition.contains("#ALERT#"));
                alerts.flat_map(|(_, rows)| rows).filter(|row| row.to == "resolved").count()
            }
            JobKind::Backfill => {
                let mut changed = 0;
                for alert in self.ledger().await.alerts {
                    let body = bundle.calm.store.alert_body(bundle.org, alert.id).await.unwrap().unwrap();
                    changed += usize::from(body.attributes.iter().any(|value| value.values == ["storage"]));
                }
                assert!(changed == 0 || changed == ALERTS, "{changed} alerts were read again");
                changed / ALERTS
            }
        }
    }

    /// The message that refers to the job, as the sweep sends it.
    pub(crate) async fn message(&self) -> Value {
        let bundle = &self.bundle;
        let (org, ledger) = (bundle.org, self.ledger().await);
        match self.kind {
            JobKind::EscalationLevel => json!({"due": {"org": org, "escalation": ledger.escalations[0].id}}),
            JobKind::AlertSettle => json!({"alert": {"org": org, "alert": ledger.alerts[0].id}}),
            JobKind::Notification => {
                let page = &ledger.notifications[0];
                json!({"check": {"org": org, "escalation": page.escalation, "page": page.id}})
            }
            JobKind::SignInMail => {
                json!({"sign_in": {"id": self.sign_in_id().await}})
            }
            JobKind::SlackStep => json!({"step": {"org": org, "thread": thread(), "step": step_id()}}),
            JobKind::HeartbeatCheck => json!({"heartbeat": {"org": org, "source": self.heartbeat}}),
            JobKind::AlertExpiry => json!({"lapse": {"org": org, "alert": ledger.alerts[0].id}}),
            JobKind::Backfill => json!({"backfill": {"org": org, "source": bundle.source()}}),
        }
    }

    /// Makes the job void before a worker has done it, as people and other systems do; whether that is possible.
    pub(crate) async fn make_void(&self) -> bool {
        let (bundle, store) = (&self.bundle, &self.bundle.calm.store);
        let (by, now, random) = (Actor::system(bundle.org, "law"), bundle.now(), &bundle.calm.random);
        match self.kind {
            JobKind::EscalationLevel | JobKind::Notification => {
                let id = self.ledger().await.escalations[0].id;
                respond::acknowledge(store, &by, id, now).await.unwrap();
            }
            // A resolved alert never fires again: its escalations always have to learn of its end.
            JobKind::AlertSettle => return false,
            JobKind::SignInMail => {
                let ada = store.person("ada@example.com").await.unwrap().unwrap().1;
                user::remove::remove(store, &by, ada, random, now).await.unwrap();
            }
            JobKind::SlackStep => {
                let team = TEAM.parse::<TeamId>().unwrap();
                connect::removed(store, &team, now).await.unwrap();
            }
            JobKind::HeartbeatCheck => assert!(bundle.ping(self.heartbeat.unwrap()).await),
            JobKind::AlertExpiry => {
                let (org, id) = (bundle.org, self.ledger().await.alerts[0].id);
                let alert = store.alert(org, id).await.unwrap().unwrap();
                assert_eq!(alert.head().state(), AlertState::Firing);
                // Sending it again is what keeps it.
                self.fire(&["fire"]).await;
            }
            JobKind::Backfill => {
                let id = bundle.source();
                app::source::destroy::destroy(store, &by, id, random, now).await.unwrap();
            }
        }
        true
    }

    /// Lets the system that takes the effect fail, or work again.
    pub(crate) fn provider_is_down(&self, down: bool) {
        self.bundle.inbox.provider(Provider { down, ..Provider::default() });
        self.bundle.slack.set_faults(SlackFaults { down, ..SlackFaults::default() });
    }

    /// Claims the job as a worker does that never comes back.
    pub(crate) async fn claim(&self) {
        let (bundle, store) = (&self.bundle, &self.bundle.calm.store);
        match self.kind {
            JobKind::Notification => {
                let page = self.ledger().await.notifications.remove(0);
                let claimed = store.claim(page.claim(bundle.now()).unwrap()).await.unwrap();
                assert_eq!(claimed, store::Claimed::Ours);
            }
            JobKind::SlackStep => {
                let step = store.slack_step(bundle.org, &thread(), &step_id()).await.unwrap().unwrap();
                let claimed = store.claim(step.claim(bundle.now()).unwrap()).await.unwrap();
                assert_eq!(claimed, store::Claimed::Ours);
            }
            JobKind::SignInMail => {
                let id = self.sign_in_id().await;
                let sign_in = store.sign_in(id).await.unwrap().unwrap();
                let claimed = store.claim(sign_in.claim(bundle.now()).unwrap()).await.unwrap();
                assert_eq!(claimed, store::Claimed::Ours);
            }
            JobKind::EscalationLevel
            | JobKind::AlertSettle
            | JobKind::HeartbeatCheck
            | JobKind::AlertExpiry
            | JobKind::Backfill => unreachable!("{:?} has no lease", self.kind),
        }
    }

    /// Puts a message on the queue of the job, as its function would find it.
    pub(crate) async fn send(&self, body: &Value) {
        let envelope = json!({"schema": 1, "trace": Trace::begin(9), "body": body}).to_string();
        let outgoing = store::Outgoing { body: envelope, delay: 0, group: None };
        self.bundle.calm.queues.send(self.kind.queue(), vec![outgoing]).await.unwrap();
    }

    /// Lets time pass until a moment; none if it is over.
    pub(crate) async fn until(&self, then: Timestamp) {
        let left = then.duration_since(self.bundle.now());
        tokio::time::sleep(left.try_into().unwrap_or_default()).await;
    }

    /// Lets time pass until five seconds after the next sweep.
    async fn after_a_sweep(&self) {
        let into = self.bundle.now().as_second() % 60;
        self.bundle.pass(u64::try_from(65 - into).unwrap()).await;
    }

    /// What the functions have asked of AWS.
    pub(crate) fn counted(&self) -> Snapshot {
        self.bundle.counts.snapshot()
    }

    /// Delivers alerts of a team, and waits until they are handled.
    async fn fire(&self, names: &[&str]) {
        let alerts: Vec<Alert> =
            names.iter().map(|name| Alert::now(&self.bundle, name).of("storage")).collect();
        assert!(self.bundle.deliver(&alerts).await);
        self.bundle.pass(2).await;
    }

    /// Everything in the table.
    pub(crate) async fn ledger(&self) -> Ledger {
        Ledger::read(&self.bundle.embedded.backend()).await.unwrap()
    }

    /// The id of the attempt to sign in.
    async fn sign_in_id(&self) -> SignInId {
        let begin = "LOOKUP#signin#";
        self.keys(begin).await.remove(0).trim_start_matches(begin).parse().unwrap()
    }

    /// The partition keys that begin so.
    async fn keys(&self, begin: &str) -> Vec<String> {
        let dynamo = embedded::dynamodb(self.bundle.embedded.backend());
        let found = dynamo.scan().table_name(embedded::TABLE).send().await.unwrap();
        let keys = found.items().iter().map(|item| item["pk"].as_s().unwrap().clone());
        keys.filter(|key| key.starts_with(begin)).collect()
    }
}

/// The thread of the step.
fn thread() -> Thread {
    Thread::asked("law")
}

/// The id of the step.
fn step_id() -> StepId {
    StepId::of("reply")
}

/// What the step does.
fn reply() -> Work {
    let channel = ANNOUNCEMENTS.parse::<ChannelId>().unwrap();
    Work::Reply { channel, ts: "1.1".to_owned(), text: "law".to_owned() }
}

/// Changes the source that the laws send to.
async fn change_source(bundle: &Bundle, change: impl FnOnce(&mut Source)) {
    let store = &bundle.context.store;
    let before = store.source(bundle.org, bundle.source()).await.unwrap().unwrap();
    let step = before.amend(bundle.now()).unwrap().because("law", "changed").with(change);
    let id = AuditId::new(bundle.now(), bundle.calm.random());
    let thing = AuditTarget::new(ThingKind::AlertSource, before.id, "source");
    let entry = AuditEntry::by_system(bundle.org, "law", id, AuditAction::Updated, thing);
    store.commit(Commit::new().source(step, Some(&before), &entry)).await.unwrap();
}

/// Has the source bind an attribute to the alerts' team.
async fn bind_team(bundle: &Bundle) {
    let (store, by, now) = (&bundle.context.store, Actor::system(bundle.org, "law"), bundle.now());
    let id = AttributeId::new(now, 7);
    let attribute = domain::alert::Attribute {
        name: "Team".to_owned(),
        kind: "String".to_owned(),
        array: false,
        required: false,
        emoji: None,
    };
    app::choice::save::create(store, &by, id, attribute, &bundle.calm.random, now).await.unwrap();
    let values = vec![Binding::Reference("payload.labels.team".to_owned())];
    let bound = vec![Bound { attribute: id, values, merge: None }];
    change_source(bundle, |source| source.template.attributes = bound).await;
}

/// What was asked of AWS, one line for each operation.
pub(crate) fn show(cost: &Snapshot) -> String {
    let mut lines = Vec::new();
    for ((service, operation), calls) in &cost.requests {
        lines.push(format!("{service:?} {operation} {calls}"));
    }
    for ((operation, kind, arm), units) in &cost.units {
        lines.push(format!("{operation} {kind:?} {arm:?} {units}"));
    }
    lines.join("\n")
}
