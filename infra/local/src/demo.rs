//! The demo: a small organisation with people, an escalation path, an alert source and an alert route, and one alert.

use app::escalation_path::save::NewPath;
use app::source::create::NewSource;
use app::user::create::NewUser;
use app::{AppError, Context};
use domain::alert_route::{IncidentTemplate, Route, RouteSource};
use domain::escalation_path::{AckMode, Level, Target};
use domain::id::{OrgId, PathId, RouteId, SourceId};
use domain::source::{IntakeRules, Source, Template};
use domain::template::Binding;
use domain::text::Document;
use domain::user::{Role, Urgency};
use domain::{Actor, Timestamp};
use secrecy::SecretString;
use sources::Kind;
use tower::ServiceExt;

/// The alert source of the demo organisation.
pub struct Demo {
    /// The alert source.
    pub source: Source,
    /// The secret of the source.
    pub secret: SecretString,
}

/// The email address of the person on the first level.
pub const FIRST_ON_CALL: &str = "ada@example.com";

/// Creates the people, the escalation path, the alert source and the alert route.
///
/// # Errors
/// [`AppError`] if the store failed.
pub async fn create(context: &Context, org: OrgId) -> Result<Demo, AppError> {
    let (store, now) = (&context.store, context.now());
    let by = Actor::system(org, "demo");
    let mut people = Vec::new();
    for (name, email) in [("Ada Oncall", FIRST_ON_CALL), ("Grace Backup", "grace@example.com")] {
        let new = NewUser { name: name.to_owned(), email: email.to_owned(), role: Role::Responder };
        people.push(app::user::create::create(store, &by, &new, &context.random, now).await?);
    }
    let levels = people.iter().map(|user| Level {
        targets: vec![Target { user: user.id, urgency: Urgency::High }],
        ack_seconds: 300,
        ack_mode: AckMode::First,
    });
    let new = NewPath {
        name: "Platform on call".to_owned(),
        levels: levels.collect(),
        document: Document::default(),
    };
    let path = app::escalation_path::save::create(
        store,
        &by,
        PathId::new(now, context.random()),
        new,
        &context.random,
        now,
    )
    .await?;
    let new = NewSource {
        id: SourceId::new(now, context.random()),
        name: "Alertmanager".to_owned(),
        kind: Kind::Alertmanager.into(),
        secret: None,
        template: Template::default(),
        intake: IntakeRules::default(),
        draft: false,
        document: Document::default(),
    };
    let source = app::source::create::create(store, &context.seal, &by, new, &context.random, now).await?;
    let route = Route {
        grouping: None,
        id: RouteId::new(now, context.random()),
        version: 1,
        name: "Everything to the platform team".to_owned(),
        enabled: true,
        sources: vec![RouteSource { source: source.id, conditions: Vec::new() }],
        conditions: Vec::new(),
        paths: vec![path.id],
        users: Vec::new(),
        auto_cancel: true,
        incident: Some(IncidentTemplate {
            name: Binding::Reference("alert.title".to_owned()),
            summary: Some(Binding::Reference("alert.description".to_owned())),
        }),
        document: Document::default(),
    };
    app::alert_route::save::create(store, &by, route, &context.random, now).await?;
    let secret = app::source::open_secret(&context.seal, source.id, &source.secret)?;
    Ok(Demo { source, secret })
}

/// Sends the example alert of Alertmanager to the source, as Alertmanager would.
///
/// # Errors
/// If the alert was not accepted.
pub async fn send_alert(router: axum::Router, demo: &Demo, now: Timestamp) -> anyhow::Result<()> {
    let body = serde_json::to_vec(&Kind::Alertmanager.get().example())?;
    let mut request = axum::http::Request::post(format!("/v2/alert_events/alertmanager/{}", demo.source.id))
        .body(axum::body::Body::from(body.clone()))?;
    Kind::Alertmanager.get().sign(request.headers_mut(), &body, &demo.secret, now);
    let response = router.oneshot(request).await?;
    anyhow::ensure!(
        response.status().is_success(),
        "the demo alert was refused with status {}",
        response.status()
    );
    Ok(())
}
