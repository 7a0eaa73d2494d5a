//! A small organisation, and a browser with cookies.

use app::worker::AlertRequest;
use std::sync::Arc;

use app::escalation_path::save::NewPath;
use app::link::AcknowledgeLink;
use app::source::create::NewSource;
use app::user::create::NewUser;
use app::{Context, Rules};
use axum::body::Body;
use domain::alert::{AlertEvent, AlertStatus, ReceivedEvent};
use domain::alert_route::{IncidentTemplate, Route, RouteSource};
use domain::condition::{Condition, ConditionGroup, Test};
use domain::escalation::Escalation;
use domain::escalation_path::{AckMode, Level, Target};
use domain::id::{EventId, OrgId, PathId, RouteId, SourceId, UserId};
use domain::message::{Envelope, Queue};
use domain::source::{IntakeRules, SourceKind, Template};
use domain::template::Binding;
use domain::text::Document;
use domain::trace::Trace;
use domain::user::{Role, Urgency, User};
use domain::{Actor, Timestamp};
use embedded::Embedded;
use harness::{Installation, NOON, SetClock};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use tower::ServiceExt;

use crate::faults::FaultyDatabase;

/// An organisation with two people on a path of two levels, and a second source whose alerts no route matches.
pub(crate) struct Scene {
    pub(crate) ctx: Context,
    pub(crate) org: OrgId,
    pub(crate) owner: User,
    pub(crate) ada: User,
    pub(crate) grace: User,
    routed: SourceId,
    unrouted: SourceId,
    pub(crate) database: Arc<FaultyDatabase>,
    pub(crate) embedded: Embedded,
    rules: Rules,
    clock: SetClock,
    router: axum::Router,
}

/// A response as a browser sees it.
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Seen {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// The router of all pages.
fn served(ctx: &Context) -> axum::Router {
    http_api::web::router(ctx.clone())
        .merge(http_api::web::slack(ctx.clone()))
        .merge(http_api::web::alert_sources(ctx.clone()))
}

/// A firing event with this title.
pub(crate) fn alert(title: &str) -> AlertEvent {
    AlertEvent {
        status: AlertStatus::Firing,
        deduplication_key: title.to_owned(),
        title: title.to_owned(),
        description: Some("The disk of db-1 is full.".to_owned()),
        source_url: Some("https://grafana.example.com/d/1".to_owned()),
        priority: None,
        occurred_at: None,
        began_at: None,
        holds_s: None,
        payload: serde_json::value::to_raw_value(&serde_json::json!({})).unwrap(),
    }
}

impl Scene {
    /// Sets it up at noon, reached at `http://firebell.test`.
    pub(crate) async fn new() -> Self {
        Self::at("http://firebell.test").await
    }

    /// Sets it up at noon, reached at an address.
    pub(crate) async fn at(public_url: &str) -> Self {
        let mut installation = Installation::new(NOON, 7).unwrap();
        let database = FaultyDatabase::over(installation.embedded.backend());
        let Context { queues, clock, .. } = installation.context;
        // The faults are between the pages and the database. The queues have none.
        let random: app::Random = Arc::new(|| fastrand::u128(..));
        let with_faults = harness::context(database.clone(), clock, random);
        installation.context = Context { queues, public_url: public_url.to_owned(), ..with_faults };
        let (org, _) = installation.create_org("Tests & Co", "owner@example.com").await.unwrap();
        let Installation { embedded, clock, context: ctx } = installation;
        let owner = ctx.store.user(org.id, org.owner).await.unwrap().unwrap();
        let (ada, grace) =
            (person(&ctx, org.id, "Ada Oncall").await, person(&ctx, org.id, "Grace Backup").await);
        let path = path(&ctx, org.id, &[&ada, &grace]).await;
        let routed = source(&ctx, org.id, "Alertmanager").await;
        let unrouted = source(&ctx, org.id, "Old Nagios").await;
        let never = Condition {
            subject: Binding::Reference("alert.title".to_owned()),
            test: Test::OneOf(vec!["never".to_owned()]),
        };
        route(&ctx, org.id, routed, vec![path], Vec::new()).await;
        route(&ctx, org.id, unrouted, vec![path], vec![ConditionGroup(vec![never])]).await;
        let router = served(&ctx);
        let rules = Rules::new(ctx.store.clone());
        Self {
            org: org.id,
            owner,
            ada,
            grace,
            routed,
            unrouted,
            database,
            rules,
            clock,
            router,
            ctx,
            embedded,
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.pass(seconds);
    }

    async fn receive(&self, source: SourceId, event: AlertEvent) -> Timestamp {
        let now = self.ctx.now();
        let received = ReceivedEvent {
            org: self.org,
            source,
            kind: SourceKind("http".to_owned()),
            id: EventId::new(now, self.ctx.random()),
            received_at: now,
            event,
            asked_by: None,
        };
        let trace = Trace::begin(self.ctx.random());
        app::alert::receive::receive(&self.ctx.store, &self.rules, &received, &trace, now).await.unwrap();
        now
    }

    /// Handles the events that wait on the queue.
    pub(crate) async fn handle(&self) {
        for message in self.embedded.queues().receive(Queue::AlertHandle.name(), 10).unwrap() {
            let envelope: Envelope<AlertRequest> = serde_json::from_str(&message.body).unwrap();
            let AlertRequest::Event(received) = envelope.body else { panic!("no event") };
            let (store, rules, now) = (&self.ctx.store, &self.rules, self.ctx.now());
            app::alert::receive::receive(store, rules, &received, &envelope.trace, now).await.unwrap();
        }
    }

    /// Fires an alert that pages Ada, and returns its escalation.
    pub(crate) async fn fire(&self, event: AlertEvent) -> Escalation {
        self.receive(self.routed, event).await;
        let newest = self.ctx.store.list_escalations(self.org, None, 1).await.unwrap().remove(0);
        let id = newest.id.parse().unwrap();
        self.ctx.store.escalation(self.org, id).await.unwrap().unwrap()
    }

    /// Fires an alert that no route matches.
    pub(crate) async fn fire_unrouted(&self, event: AlertEvent) {
        self.receive(self.unrouted, event).await;
    }

    /// Lets all levels of an escalation expire.
    pub(crate) async fn let_expire(&self, escalation: &Escalation) {
        for _ in 0..2 {
            self.pass(301);
            let (store, now) = (&self.ctx.store, self.ctx.now());
            app::escalation::tick::tick(store, &self.rules, self.org, escalation.id, now).await.unwrap();
        }
    }

    /// The escalation as it is now.
    pub(crate) async fn escalation(&self, escalation: &Escalation) -> Escalation {
        self.ctx.store.escalation(self.org, escalation.id).await.unwrap().unwrap()
    }

    /// Everything stored of an escalation, as text.
    pub(crate) async fn everything(&self, escalation: &Escalation) -> String {
        let story = self.ctx.store.escalation_with_story(self.org, escalation.id).await.unwrap();
        format!("{story:?}")
    }

    /// The acknowledge link in a notification, valid for an hour.
    pub(crate) fn link(&self, escalation: &Escalation, user: &User) -> String {
        let until = self.ctx.now() + SignedDuration::from_hours(1);
        let link = AcknowledgeLink { org: self.org, escalation: escalation.id, user: user.id, until };
        format!("/acknowledge/{}", link.token(&self.ctx.seal))
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Seen {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Seen { status: parts.status, headers: parts.headers, text }
    }

    /// Sends a request without anything beside it.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> Seen {
        self.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.ask(Method::GET, path).await
    }

    /// Sends a form without fields.
    pub(crate) async fn post(&self, path: &str) -> Seen {
        self.ask(Method::POST, path).await
    }
}

/// A browser in which a person is signed in.
pub(crate) struct Session {
    /// The session cookie.
    pub(crate) cookie: String,
    /// The token in the forms on the dashboard.
    pub(crate) token: String,
}

impl Scene {
    /// The path and token of a fresh link to sign in.
    pub(crate) async fn sign_in_link(&self) -> String {
        let link = http_api::web::sign_in_link(&self.ctx, self.org).await.unwrap();
        link.strip_prefix(&self.ctx.public_url).unwrap().to_owned()
    }

    /// Signs the owner in, as a browser does.
    pub(crate) async fn sign_in(&self) -> Session {
        self.follow(&self.sign_in_link().await).await
    }

    /// Signs somebody in, and says which cookie their browser keeps.
    pub(crate) async fn sign_in_as(&self, user: &User) -> String {
        self.enter(self.org, user.id).await.cookie
    }

    /// Signs somebody of an organisation in, as a browser does.
    pub(crate) async fn enter(&self, org: OrgId, user: UserId) -> Session {
        let (ctx, whom) = (&self.ctx, domain::sign_in::SignInPerson { org, user });
        let made = app::sign_in::hand_over::hand_over(
            &ctx.store,
            &ctx.seal,
            &ctx.public_url,
            whom,
            &ctx.random,
            ctx.now(),
        );
        let link = made.await.unwrap();
        self.follow(&link).await
    }

    /// Follows a link to sign in, and presses its button.
    async fn follow(&self, link: &str) -> Session {
        let token = link.split_once("token=").unwrap().1;
        let seen = self.send(form("/sign-in", token, &[])).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
        let cookie = seen.header("set-cookie").split(';').next().unwrap().to_owned();
        let page = self.browse(&cookie, "/").await;
        let token = page.text.split(r#"name="token" value=""#).nth(1).unwrap().split('"').next().unwrap();
        Session { cookie, token: token.to_owned() }
    }

    /// Configures a sign-in provider.
    pub(crate) fn provide(&mut self, oidc: app::oidc::Oidc) {
        self.ctx.oidc = Some(Arc::new(oidc));
        self.router = served(&self.ctx);
    }

    /// Looks at a page with a cookie.
    pub(crate) async fn browse(&self, cookie: &str, path: &str) -> Seen {
        let request = Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap();
        self.send(request).await
    }
}

/// A form as a browser sends it.
pub(crate) fn form(path: &str, token: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(format!("token={token}"))).unwrap()
}

/// The script element of every page. No page may have another one.
pub(crate) const OUR_SCRIPT: &str = "<script src=\"/assets/";

/// A text as a form sends it.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

impl Scene {
    /// Fills in a form and sends it, as the browser of a session does.
    pub(crate) async fn fill(&self, session: &Session, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut body = format!("token={}", session.token);
        for (name, value) in fields {
            body.push_str(&format!("&{}={}", escaped(name), escaped(value)));
        }
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", &session.cookie)
            .header("sec-fetch-site", "same-origin");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Ada becomes the owner, and the previous owner a viewer.
    pub(crate) async fn owner_becomes_a_viewer(&self) {
        let (ctx, by) = (&self.ctx, Actor::system(self.org, "test"));
        for (user, role) in [(&self.ada, Role::Owner), (&self.owner, Role::Viewer)] {
            let now = ctx.now();
            app::user::role::set(&ctx.store, &by, user.id, role, &ctx.random, now).await.unwrap();
        }
    }

    /// Looks at a page of a session.
    pub(crate) async fn look(&self, session: &Session, path: &str) -> String {
        let seen = self.browse(&session.cookie, path).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}: {}", seen.text);
        seen.text
    }
}

/// The text of a page between two marks, without its elements.
pub(crate) fn between(page: &str, begin: &str, end: &str) -> String {
    let part = page.split_once(begin).unwrap_or_else(|| panic!("no {begin:?} in {page}")).1;
    let part = part.split_once(end).unwrap_or_else(|| panic!("no {end:?} after {begin:?}")).0;
    let mut text = String::new();
    let mut inside = false;
    for c in part.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

async fn person(ctx: &Context, org: OrgId, name: &str) -> User {
    let email = format!("{}@example.com", name.split(' ').next().unwrap().to_lowercase());
    let new = NewUser { name: name.to_owned(), email, role: Role::Responder };
    app::user::create::create(&ctx.store, &Actor::system(org, "test"), &new, &ctx.random, ctx.now())
        .await
        .unwrap()
}

async fn path(ctx: &Context, org: OrgId, people: &[&User]) -> PathId {
    let levels = people.iter().map(|user| Level {
        targets: vec![Target { user: user.id, urgency: Urgency::High }],
        ack_seconds: 300,
        ack_mode: AckMode::First,
    });
    let new = NewPath { name: "On call".to_owned(), levels: levels.collect(), document: Document::default() };
    let id = PathId::new(ctx.now(), ctx.random());
    app::escalation_path::save::create(
        &ctx.store,
        &Actor::system(org, "test"),
        id,
        new,
        &ctx.random,
        ctx.now(),
    )
    .await
    .unwrap()
    .id
}

async fn source(ctx: &Context, org: OrgId, name: &str) -> SourceId {
    let new = NewSource {
        id: SourceId::new(ctx.now(), ctx.random()),
        name: name.to_owned(),
        kind: SourceKind("http".to_owned()),
        secret: None,
        template: Template::default(),
        intake: IntakeRules::default(),
        draft: false,
        document: Document::default(),
    };
    let by = Actor::system(org, "test");
    app::source::create::create(&ctx.store, &ctx.seal, &by, new, &ctx.random, ctx.now()).await.unwrap().id
}

async fn route(
    ctx: &Context,
    org: OrgId,
    source: SourceId,
    paths: Vec<PathId>,
    conditions: Vec<ConditionGroup>,
) {
    let route = Route {
        grouping: None,
        id: RouteId::new(ctx.now(), ctx.random()),
        version: 1,
        name: "Route".to_owned(),
        enabled: true,
        sources: vec![RouteSource { source, conditions: Vec::new() }],
        conditions,
        paths,
        users: Vec::new(),
        auto_cancel: true,
        incident: Some(IncidentTemplate {
            name: Binding::Reference("alert.title".to_owned()),
            summary: None,
        }),
        document: Document::default(),
    };
    app::alert_route::save::create(&ctx.store, &Actor::system(org, "test"), route, &ctx.random, ctx.now())
        .await
        .unwrap();
}
