//! Two organisations over an embedded database, with a clock that the test sets.

use app::org::create::{CreatedOrg, NewOrg, create, create_beside};
use app::user::create::NewUser;
use app::worker::{AlertHandle, AlertRequest, Worker};
use app::{Context, Rules};
use axum::body::Body;
use domain::Actor;
use domain::alert::key::Decision;
use domain::id::OrgId;
use domain::job::AlertJob;
use domain::message::{Envelope, Queue};
use domain::user::{Role, User};
use embedded::Embedded;
use harness::{Installation, SetClock};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The API of one installation with two organisations.
pub(crate) struct World {
    pub(crate) context: Context,
    pub(crate) embedded: Embedded,
    /// The key of the organisation that most tests are about.
    pub(crate) key: String,
    /// The key of the other one.
    pub(crate) other: String,
    /// The organisation that most tests are about.
    pub(crate) org: OrgId,
    /// The other one.
    pub(crate) other_org: OrgId,
    clock: SetClock,
    router: axum::Router,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body, if the status is this.
    #[track_caller]
    pub(crate) fn with(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Holds that this is a refusal in the shape that clients know, and says which field it names.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body["status"], status, "{}", self.body);
        assert!(
            self.body["type"].is_string() && self.body["request_id"].as_str().unwrap().len() == 32,
            "{}",
            self.body
        );
        let error = &self.body["errors"][0];
        assert!(error["code"].is_string() && !error["message"].as_str().unwrap().is_empty(), "{error}");
        error["source"]["field"].as_str().unwrap_or_default()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::within(egress::Client::default()).await
    }

    /// The same in a world where addresses outside lead to where this client has them.
    pub(crate) async fn within(outside: egress::Client) -> Self {
        let Installation { embedded, clock, context } = Installation::new(1_800_000_000_000, 7).unwrap();
        let context = Context { outside, ..context };
        let org = |name: &str| NewOrg {
            name: name.to_owned(),
            owner_name: "Olive Owner".to_owned(),
            owner_email: format!("owner@{name}.example"),
            api_key: None,
        };
        let Context { store, seal, random, .. } = &context;
        let CreatedOrg::New { org: home, api_key: key } =
            create(store, seal, &org("home"), random, context.now()).await.unwrap()
        else {
            unreachable!("the database is new")
        };
        let (other_org, other) =
            create_beside(store, seal, &org("other"), random, context.now()).await.unwrap();
        let routers = [
            http_api::alert_routes::router,
            http_api::alert_sources::router,
            http_api::alerts::router,
            http_api::escalations::router,
            http_api::incidents::router,
            http_api::settings::router,
            http_api::users::router,
        ];
        let router =
            routers.into_iter().fold(axum::Router::new(), |all, router| all.merge(router(context.clone())));
        let router = sources::Kind::ALL
            .iter()
            .fold(router, |all, kind| all.merge(http_api::source::router(*kind, context.clone())));
        Self { org: home.id, other_org: other_org.id, context, embedded, key, other, clock, router }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.pass(seconds);
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Asks with a key.
    pub(crate) async fn ask(&self, key: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let (asked, at, sent) = (method.clone(), path, body);
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .body(body)
            .unwrap();
        let answer = self.send(request).await;
        crate::description::check(&asked, at, sent, &answer);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&self.key, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        // Nothing that is made one after the other has the same millisecond.
        self.clock.pass_milliseconds(1);
        self.ask(&self.key, Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.ask(&self.key, Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(&self.key, Method::DELETE, path, None).await
    }

    /// Pages through a list, and says what each page held.
    pub(crate) async fn pages(&self, path: &str, list: &str) -> Vec<Vec<Value>> {
        let (mut pages, mut after) = (Vec::new(), None::<String>);
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let cursor = after.as_ref().map(|after| format!("{join}after={after}")).unwrap_or_default();
            let page = self.get(&format!("{path}{cursor}")).await.with(200);
            pages.push(page[list].as_array().unwrap().clone());
            match page["pagination_meta"]["after"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return pages,
            }
        }
    }

    /// Makes somebody.
    pub(crate) async fn person(&self, name: &str) -> String {
        let body = json!({ "name": name, "email": format!("{name}@home.example"), "role": "responder" });
        id(&self.post("/v2/users", &body).await.with(201)["user"])
    }

    /// Makes somebody of a role.
    pub(crate) async fn member(&self, role: Role) -> User {
        let new = NewUser {
            name: "Somebody".to_owned(),
            email: format!("some-{}@home.example", role.name()),
            role,
        };
        let (context, by) = (&self.context, Actor::system(self.org, "test"));
        app::user::create::create(&context.store, &by, &new, &context.random, context.now()).await.unwrap()
    }

    /// Makes a path that pages somebody.
    pub(crate) async fn path(&self, user: &str) -> String {
        id(&self.post("/v2/escalation_paths", &path_of(user)).await.with(201)["escalation_path"])
    }

    /// Makes a source of the kind `http`.
    pub(crate) async fn source(&self) -> Value {
        self.post("/v2/alert_sources", &source_of("http")).await.with(200)["alert_source"].clone()
    }

    /// Delivers an event to a source as its sender would, and handles everything that waits.
    pub(crate) async fn deliver(&self, source: &Value, event: &Value) {
        self.clock.pass_milliseconds(1);
        let path = source["alert_events_url"].as_str().unwrap().trim_start_matches("http://firebell.example");
        self.ask(source["secret_token"].as_str().unwrap(), Method::POST, path, Some(event)).await.with(202);
        self.handle().await;
    }

    /// Handles the events that wait.
    pub(crate) async fn handle(&self) -> Vec<Decision> {
        let (store, rules) = (&self.context.store, Rules::new(self.context.store.clone()));
        let mut decisions = Vec::new();
        for message in self.embedded.queues().receive(Queue::AlertHandle.name(), 10).unwrap() {
            let worker = AlertHandle::new(&self.context);
            let now = self.context.now();
            match serde_json::from_str::<Envelope<AlertJob>>(&message.body) {
                Ok(envelope) => worker.job(envelope.body, &envelope.trace, now).await.unwrap(),
                Err(_) => {
                    let envelope: Envelope<AlertRequest> = serde_json::from_str(&message.body).unwrap();
                    match envelope.body {
                        AlertRequest::Event(received) => {
                            let decided =
                                app::alert::receive::receive(store, &rules, &received, &envelope.trace, now);
                            decisions.extend(decided.await.unwrap());
                            app::source::seen::delivered(store, &rules, &received).await.unwrap();
                        }
                        request => worker.request(request, &envelope.trace, now).await.unwrap(),
                    }
                }
            }
            self.embedded.queues().delete(Queue::AlertHandle.name(), &message.receipt).unwrap();
        }
        decisions
    }
}

/// The id of something.
#[track_caller]
pub(crate) fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

/// A source as it is asked for.
pub(crate) fn source_of(kind: &str) -> Value {
    let beat = (kind == "heartbeat").then(|| json!({ "interval_seconds": 60 }));
    json!({
        "heartbeat_options": beat,
        "name": "Production alerts",
        "source_type": kind,
        "template": {
            "title": { "reference": "alert.title" },
            "description": { "literal": "Look at the runbook" },
            "attributes": [],
            "expressions": [],
            "is_private": false,
        },
        "owning_team_ids": ["01JPQA75EPNEES4479P16P4XAB"],
        "auto_resolve_timeout_minutes": 60,
    })
}

/// A path as it is asked for.
pub(crate) fn path_of(user: &str) -> Value {
    json!({
        "name": "Urgent",
        "path": [{
            "id": "first",
            "type": "level",
            "level": {
                "ack_mode": "first",
                "time_to_ack_seconds": 120,
                "targets": [{ "type": "user", "id": user, "urgency": "high" }],
            },
        }],
        "working_hours": [{
            "id": "office",
            "name": "Office",
            "timezone": "Europe/Berlin",
            "weekday_intervals": [{ "weekday": "monday", "start_time": "09:00", "end_time": "17:00" }],
        }],
    })
}

/// A route as it is asked for, in full.
pub(crate) fn route_of(source: &str, path: &str) -> Value {
    json!({
        "name": "Everything",
        "enabled": true,
        "is_private": false,
        "alert_sources": [{ "alert_source_id": source, "condition_groups": [] }],
        "channel_config": [],
        "condition_groups": [],
        "expressions": [],
        "escalation_config": {
            "auto_cancel_escalations": true,
            "escalation_targets": [{ "escalation_paths": { "array_value": [{ "literal": path }] } }],
        },
        "incident_config": {
            "enabled": true,
            "auto_decline_enabled": false,
            "condition_groups": [],
            "defer_time_seconds": 0,
            "grouping_keys": [],
            "grouping_window_seconds": 0,
        },
        "incident_template": { "name": { "binding": { "value": { "reference": "alert.title" } } } },
    })
}

/// An event as a sender delivers it.
pub(crate) fn event(key: &str, status: &str) -> Value {
    json!({
        "title": format!("{key} is broken"),
        "status": status,
        "deduplication_key": key,
        "description": "It was fine before",
        "source_url": "https://sender.example/x",
        "metadata": { "team": "platform" },
    })
}

/// A body with a field changed, by its path.
pub(crate) fn changed(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {pointer}"));
    match (parent, value) {
        (Value::Object(fields), Value::Null) => {
            fields.remove(field);
        }
        (Value::Array(items), value) => items[field.parse::<usize>().unwrap()] = value,
        (parent, value) => parent[field] = value,
    }
    body
}
