//! A small organisation: two people on a path of two levels, and a source whose alerts page it.

use app::escalation_path::save::NewPath;
use app::source::create::NewSource;
use app::user::create::NewUser;
use app::{AppError, Context, Rules};
use domain::alert::key::Decision;
use domain::alert::{Alert, AlertEvent, AlertStatus, ReceivedEvent};
use domain::alert_route::{IncidentTemplate, Route, RouteSource};
use domain::escalation::Escalation;
use domain::escalation_path::{AckMode, Level, Target};
use domain::id::{AlertId, EscalationId, EventId, OrgId, PathId, RouteId, SourceId};
use domain::source::{IntakeRules, SourceKind, Template};
use domain::template::Binding;
use domain::text::Document;
use domain::trace::Trace;
use domain::user::{Role, Urgency, User};
use domain::{Actor, Timestamp};
use harness::{Installation, NOON};

/// How long the people of a level have, in seconds.
pub(crate) const LEVEL_SECONDS: i64 = 300;

/// The organisation.
pub(crate) struct World {
    pub(crate) installation: Installation,
    pub(crate) org: OrgId,
    pub(crate) rules: Rules,
    /// The person at the first level.
    pub(crate) ada: User,
    /// The person at the second level.
    pub(crate) grace: User,
    /// Somebody who may only look.
    pub(crate) vera: User,
    pub(crate) source: SourceId,
    pub(crate) path: PathId,
}

impl World {
    pub(crate) async fn new() -> Self {
        let installation = Installation::new(NOON, 7).unwrap();
        let (org, _) = installation.create_org("Tests", "owner@example.com").await.unwrap();
        let (ctx, by) = (&installation.context, Actor::system(org.id, "test"));
        let (store, random, now) = (&ctx.store, &ctx.random, ctx.now());
        let person = async |name: &str, role| {
            let new = NewUser { name: name.to_owned(), email: format!("{name}@example.com"), role };
            app::user::create::create(store, &by, &new, random, now).await.unwrap()
        };
        let (ada, grace) = (person("ada", Role::Responder).await, person("grace", Role::Responder).await);
        let vera = person("vera", Role::Viewer).await;
        let levels = [&ada, &grace].map(|user| Level {
            targets: vec![Target { user: user.id, urgency: Urgency::High }],
            ack_seconds: u32::try_from(LEVEL_SECONDS).unwrap(),
            ack_mode: AckMode::First,
        });
        let new =
            NewPath { name: "On call".to_owned(), levels: levels.to_vec(), document: Document::default() };
        let path = PathId::new(now, ctx.random());
        app::escalation_path::save::create(store, &by, path, new, random, now).await.unwrap();
        let source = SourceId::new(now, ctx.random());
        let new = NewSource {
            id: source,
            name: "Production".to_owned(),
            kind: SourceKind("http".to_owned()),
            secret: None,
            template: Template::default(),
            intake: IntakeRules::default(),
            draft: false,
            document: Document::default(),
        };
        app::source::create::create(store, &ctx.seal, &by, new, random, now).await.unwrap();
        let route = Route {
            id: RouteId::new(now, ctx.random()),
            version: 1,
            name: "Everything".to_owned(),
            enabled: true,
            sources: vec![RouteSource { source, conditions: Vec::new() }],
            conditions: Vec::new(),
            paths: vec![path],
            users: Vec::new(),
            auto_cancel: true,
            grouping: None,
            incident: Some(IncidentTemplate {
                name: Binding::Reference("alert.title".to_owned()),
                summary: None,
            }),
            document: Document::default(),
        };
        app::alert_route::save::create(store, &by, route, random, now).await.unwrap();
        let rules = Rules::new(store.clone());
        let org = org.id;
        Self { installation, org, rules, ada, grace, vera, source, path }
    }

    pub(crate) fn ctx(&self) -> &Context {
        &self.installation.context
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ctx().now()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.installation.clock.pass(seconds);
    }

    /// Somebody, as far as their role allows.
    pub(crate) fn actor(&self, user: &User) -> Actor {
        Actor::person(self.org, user)
    }

    /// An event of a key that is received now. Its title is the key.
    pub(crate) fn event(&self, key: &str, status: AlertStatus) -> ReceivedEvent {
        ReceivedEvent {
            org: self.org,
            source: self.source,
            kind: SourceKind("http".to_owned()),
            id: EventId::new(self.now(), self.ctx().random()),
            received_at: self.now(),
            event: AlertEvent {
                status,
                deduplication_key: key.to_owned(),
                title: key.to_owned(),
                description: None,
                source_url: None,
                priority: None,
                occurred_at: None,
                began_at: None,
                holds_s: None,
                payload: serde_json::value::to_raw_value(&serde_json::json!({ "team": "platform" })).unwrap(),
            },
            asked_by: None,
        }
    }

    /// Handles an event.
    pub(crate) async fn receive(&self, received: &ReceivedEvent) -> Result<Option<Decision>, AppError> {
        let store = &self.ctx().store;
        app::alert::receive::receive(store, &self.rules, received, &Trace::begin(7), self.now()).await
    }

    /// An alert that fires and pages.
    pub(crate) async fn firing(&self, key: &str) -> Alert {
        let received = self.event(key, AlertStatus::Firing);
        assert_eq!(self.receive(&received).await.unwrap(), Some(Decision::Open));
        self.alert(AlertId::derived(received.received_at, received.id)).await
    }

    /// An alert as it is now.
    pub(crate) async fn alert(&self, id: AlertId) -> Alert {
        self.ctx().store.alert(self.org, id).await.unwrap().expect("there is an alert of this id")
    }

    /// An escalation as it is now.
    pub(crate) async fn escalation(&self, id: EscalationId) -> Escalation {
        self.ctx().store.escalation(self.org, id).await.unwrap().expect("there is an escalation of this id")
    }

    /// The addresses of an escalation's notifications, in the order of its levels.
    pub(crate) async fn notified(&self, id: EscalationId) -> Vec<String> {
        let (_, notifications) = self.ctx().store.escalation_story(self.org, id).await.unwrap();
        notifications.into_iter().map(|notification| notification.address).collect()
    }
}
