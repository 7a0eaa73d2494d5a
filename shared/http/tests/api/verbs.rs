//! Every verb that a caller can ask for, each on an object that does not exist: a caller without the permission is refused
//! before that shows.

use std::future::Future;
use std::pin::Pin;

use app::alert::preview::PreviewRequest;
use app::api_key::ApiKeySettings;
use app::escalation::create::{EscalationTarget, ManualEscalation};
use app::escalation_path::save::NewPath;
use app::incident::create::NewIncident;
use app::incident::edit::Edit;
use app::incident::pin::PinnedMessage;
use app::incident::update::Update;
use app::source::create::NewSource;
use app::source::rotate::Rotation;
use app::user::create::NewUser;
use app::{AppError, Rules};
use domain::Actor;
use domain::access::Permission::{self, *};
use domain::alert_route::Route;
use domain::id::{EscalationId, IncidentId, PathId, SeverityId, SourceId};
use domain::incident::{Severity, Visibility};
use domain::source::{IntakeRules, SourceKind, Template};
use domain::text::Document;
use domain::trace::Trace;
use domain::user::{MethodType, Role, Urgency};

use crate::world::World;

type Done<'a> = Pin<Box<dyn Future<Output = Result<(), AppError>> + 'a>>;

/// A verb, and the permission that it needs.
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) needs: Permission,
    pub(crate) run: for<'a> fn(&'a World, Actor) -> Done<'a>,
}

/// Verbs that no caller can ask for: Firebell itself runs them, or they authenticate a person.
pub(crate) const SYSTEM: &[&str] = &[
    "alert::explain::explain",
    "alert::expire::expire",
    "alert::open::open",
    "alert::receive::receive",
    "alert::rescue::rescue",
    "alert::unrouted::unrouted",
    "api_key::find",
    "escalation::open::open",
    "escalation::reconcile::reconcile",
    "escalation::history::history",
    "escalation::tick::tick",
    "heartbeat::check::check",
    "heartbeat::ping::ping",
    "incident::create::prepare",
    "incident::seen::hidden",
    "incident::timeline::timeline",
    "notification::send::send",
    "oidc::begin::begin",
    "oidc::finish::finish",
    "org::create::admit",
    "org::create::create",
    "org::create::create_beside",
    "outbox::relay::relay",
    "session::begin::begin",
    "source::backfill::step",
    "source::certificate::fetch",
    "source::confirm::confirm",
    "session::end::end",
    "alert::acknowledge::acknowledge",
    "session::find::find",
    "sign_in::ask::ask",
    "sign_in::enter::enter",
    "sign_in::enter::look",
    "sign_in::hand_over::hand_over",
    "sign_in::send::send",
    "slack::ask::ask",
    "slack::connect::removed",
    "slack::hear",
    "slack::owed::owed",
    "slack::step::step",
    "slack::work",
    "source::check_attributes",
    "source::find",
    "source::seen::delivered",
    "source::seen::failed",
    "source::seen::unmatched_end",
    "sweep::run::run",
];

/// An id that nobody has.
fn nobody<T: std::str::FromStr<Err: std::fmt::Debug>>() -> T {
    "01FCNDV6P870EA6S7TK1DSYDG0".parse().unwrap()
}

macro_rules! verbs {
    ($($name:literal $needs:ident |$world:ident, $by:ident, $ctx:ident| $run:expr;)*) => {
        /// Every verb.
        pub(crate) const VERBS: &[Verb] = &[$(Verb {
            name: $name,
            needs: $needs,
            run: |$world, $by| Box::pin(async move {
                let $ctx = &$world.context;
                $run.await.map(drop)
            }),
        },)*];
    };
}

fn route() -> Route {
    Route {
        grouping: None,
        id: nobody(),
        version: 1,
        name: String::new(),
        enabled: true,
        sources: Vec::new(),
        conditions: Vec::new(),
        paths: Vec::new(),
        users: Vec::new(),
        auto_cancel: true,
        incident: None,
        document: Document::default(),
    }
}

fn path() -> NewPath {
    NewPath { name: String::new(), levels: Vec::new(), document: Document::default() }
}

fn severity() -> Severity {
    Severity { name: String::new(), description: String::new(), rank: 0 }
}

fn source_change() -> app::source::update::Change {
    app::source::update::Change {
        name: String::new(),
        secret: None,
        template: Template::default(),
        intake: IntakeRules::default(),
        disabled: None,
        document: Document::default(),
    }
}

fn key() -> ApiKeySettings {
    ApiKeySettings { name: String::new(), comments: String::new(), roles: Vec::new() }
}

fn authorised() -> slack::Authorised {
    slack::Authorised {
        team: "T0001".parse().unwrap(),
        name: String::new(),
        bot: "U0001".parse().unwrap(),
        token: "xoxb-1".into(),
        channel: None,
    }
}

verbs! {
    "alert::resolve::resolve" Respond |world, by, ctx|
        app::alert::resolve::resolve(&ctx.store, &by, nobody(), ctx.now());
    "alert::note::notes" SeeOnCall |world, by, ctx|
        app::alert::note::notes(&ctx.store, &by, nobody());
    "alert::note::note" Respond |world, by, ctx|
        app::alert::note::note(&ctx.store, &by, nobody(), "x", &ctx.random, ctx.now());
    "alert::relate::relate" Respond |world, by, ctx|
        app::alert::relate::relate(&ctx.store, &by, (nobody(), nobody()), false);
    "alert::relate::unrelate" Respond |world, by, ctx|
        app::alert::relate::unrelate(&ctx.store, &by, (nobody(), nobody()));
    "alert::tag::tag" Respond |world, by, ctx|
        app::alert::tag::tag(&ctx.store, &by, nobody(), &[]);
    "alert::retrigger::retrigger" Respond |world, by, ctx|
        app::alert::retrigger::retrigger(ctx, &by, nobody());
    "api_key::create::create" ManageApiKeys |world, by, ctx|
        app::api_key::create::create(&ctx.store, &ctx.seal, &by, key(), &ctx.random, ctx.now());
    "api_key::revoke::revoke" ManageApiKeys |world, by, ctx|
        app::api_key::revoke::revoke(&ctx.store, &by, nobody(), &ctx.random, ctx.now());
    "api_key::update::rotate" ManageApiKeys |world, by, ctx|
        app::api_key::update::rotate(&ctx.store, &ctx.seal, &by, nobody(), &ctx.random, ctx.now());
    "api_key::update::update" ManageApiKeys |world, by, ctx|
        app::api_key::update::update(&ctx.store, &by, nobody(), &key(), &ctx.random, ctx.now());
    "choice::save::create" ManageSettings |world, by, ctx|
        app::choice::save::create(&ctx.store, &by, nobody::<SeverityId>(), severity(), &ctx.random, ctx.now());
    "choice::save::delete" ManageSettings |world, by, ctx|
        app::choice::save::delete::<Severity>(&ctx.store, &by, nobody(), &ctx.random, ctx.now());
    "choice::save::update" ManageSettings |world, by, ctx|
        app::choice::save::update(&ctx.store, &by, nobody(), Severity::clone, &ctx.random, ctx.now());
    "escalation::create::create" CreateEscalations |world, by, ctx| {
        let id: EscalationId = nobody();
        let (target, trace) = (EscalationTarget::Users(Vec::new()), Trace::begin(1));
        let call = ManualEscalation { id, title: String::new(), description: None, target, incident: None, trace };
        async move {
            let rules = Rules::new(ctx.store.clone());
            app::escalation::create::create(&ctx.store, &rules, &by, ("k", call), ctx.now()).await
        }
    };
    "escalation::respond::acknowledge" Respond |world, by, ctx|
        app::escalation::respond::acknowledge(&ctx.store, &by, nobody(), ctx.now());
    "escalation::respond::cancel" Respond |world, by, ctx|
        app::escalation::respond::cancel(&ctx.store, &by, nobody(), ctx.now());
    "escalation::respond::unacknowledge" Respond |world, by, ctx| async move {
        let rules = Rules::new(ctx.store.clone());
        app::escalation::respond::unacknowledge(&ctx.store, &rules, &by, nobody(), ctx.now()).await
    };
    "incident::acknowledge::acknowledge" Respond |world, by, ctx|
        app::incident::acknowledge::acknowledge(&ctx.store, &by, nobody(), ctx.now());
    "incident::close::close" EditIncidents |world, by, ctx|
        app::incident::close::close(&ctx.store, &by, nobody(), (None, "k"), ctx.now());
    "incident::create::create" CreateIncidents |world, by, ctx| async move {
        let new = NewIncident {
            org: world.org,
            id: nobody::<IncidentId>(),
            name: String::new(),
            summary: None,
            visibility: Visibility::Public,
            triage: false,
            alert: None,
            trace: Trace::begin(1),
        };
        let given = Edit { severity: Some(nobody()), ..Edit::default() };
        app::incident::create::create(&ctx.store, &by, new, &given, "k", ctx.now()).await
    };
    "incident::edit::edit" EditIncidents |world, by, ctx| async move {
        app::incident::edit::edit(&ctx.store, &by, nobody(), &Edit::default(), ctx.now()).await
    };
    "incident::pin::pin" EditIncidents |world, by, ctx| async move {
        let said = PinnedMessage { text: String::new(), author: None };
        app::incident::pin::pin(&ctx.store, &by, nobody(), &said, "k", ctx.now()).await
    };
    "incident::update::update" EditIncidents |world, by, ctx| async move {
        app::incident::update::update(&ctx.store, &by, nobody(), &Update::default(), None, ctx.now()).await
    };
    "escalation_path::save::create" ConfigureOnCall |world, by, ctx|
        app::escalation_path::save::create(&ctx.store, &by, nobody::<PathId>(), path(), &ctx.random, ctx.now());
    "escalation_path::save::delete" ConfigureOnCall |world, by, ctx|
        app::escalation_path::save::delete(&ctx.store, &by, nobody(), &ctx.random, ctx.now());
    "escalation_path::save::update" ConfigureOnCall |world, by, ctx|
        app::escalation_path::save::update(&ctx.store, &by, nobody(), path(), &ctx.random, ctx.now());
    "alert_route::save::create" ConfigureOnCall |world, by, ctx|
        app::alert_route::save::create(&ctx.store, &by, route(), &ctx.random, ctx.now());
    "alert_route::save::delete" ConfigureOnCall |world, by, ctx|
        app::alert_route::save::delete(&ctx.store, &by, nobody(), &ctx.random, ctx.now());
    "alert_route::save::update" ConfigureOnCall |world, by, ctx|
        app::alert_route::save::update(&ctx.store, &by, route(), None, &ctx.random, ctx.now());
    "slack::connect::connect" ConfigureOnCall |world, by, ctx| async move {
        let authorised = authorised();
        app::slack::connect::connect(&ctx.store, &ctx.seal, &by, &authorised, &ctx.random, ctx.now()).await
    };
    "alert::preview::preview" ConfigureOnCall |world, by, ctx| {
        let trial = PreviewRequest { kind: None, template: Template::default(), intake: IntakeRules::default(), source: Some(nobody()), payload: None };
        async move { app::alert::preview::preview(&ctx.store, &by, trial, &ctx.random, ctx.now()).await }
    };
    "source::activate::activate" ConfigureOnCall |world, by, ctx|
        app::source::activate::activate(&ctx.store, &by, nobody(), &ctx.random, ctx.now());
    "source::backfill::begin" ConfigureOnCall |world, by, ctx| {
        let which = (nobody(), Trace::begin(1));
        async move { app::source::backfill::begin(&ctx.store, &by, which, &ctx.random, ctx.now()).await }
    };
    "source::create::create" ConfigureOnCall |world, by, ctx| {
        let new = NewSource {
            id: nobody::<SourceId>(),
            name: String::new(),
            kind: SourceKind(String::new()),
            secret: None,
            template: Template::default(),
            intake: IntakeRules::default(),
            draft: false,
            document: Document::default(),
        };
        async move {
            app::source::create::create(&ctx.store, &ctx.seal, &by, new, &ctx.random, ctx.now()).await
        }
    };
    "source::destroy::destroy" ConfigureOnCall |world, by, ctx|
        app::source::destroy::destroy(&ctx.store, &by, nobody(), &ctx.random, ctx.now());
    "source::rotate::rotate" ConfigureOnCall |world, by, ctx| async move {
        let rotation = Rotation { secret: None, overlap_hours: 1 };
        let which = (nobody(), &rotation);
        app::source::rotate::rotate(&ctx.store, &ctx.seal, &by, which, &ctx.random, ctx.now()).await
    };
    "source::switch::switch" ConfigureOnCall |world, by, ctx|
        app::source::switch::switch(&ctx.store, &by, (nobody(), true), &ctx.random, ctx.now());
    "source::update::update" ConfigureOnCall |world, by, ctx|
        app::source::update::update(
            &ctx.store, &ctx.seal, &by, nobody(), source_change(), &ctx.random, ctx.now()
        );
    "user::create::create" ManageUsers |world, by, ctx| async move {
        let new = NewUser { name: String::new(), email: String::new(), role: Role::Viewer };
        app::user::create::create(&ctx.store, &by, &new, &ctx.random, ctx.now()).await
    };
    "user::methods::add_method" SetMethods |world, by, ctx| {
        let method = (MethodType::Email, "x@example.com");
        async move {
            app::user::methods::add_method(ctx, &by, nobody(), method).await
        }
    };
    "user::methods::remove_method" SetMethods |world, by, ctx|
        app::user::methods::remove_method(&ctx.store, &by, (nobody(), nobody()), &ctx.random, ctx.now());
    "user::methods::set_use" SetMethods |world, by, ctx| {
        let delays = [(Urgency::High, Some(0)), (Urgency::Low, None)];
        async move {
            let whom = (nobody(), nobody());
            app::user::methods::set_use(&ctx.store, &by, whom, delays, &ctx.random, ctx.now()).await
        }
    };
    "user::methods::set_rules" SetMethods |world, by, ctx|
        app::user::methods::set_rules(&ctx.store, &by, nobody(), &[], &ctx.random, ctx.now());
    "user::remove::remove" ManageUsers |world, by, ctx|
        app::user::remove::remove(&ctx.store, &by, nobody(), &ctx.random, ctx.now());
    "user::role::set" ManageUsers |world, by, ctx|
        app::user::role::set(&ctx.store, &by, nobody(), Role::Viewer, &ctx.random, ctx.now());
}
