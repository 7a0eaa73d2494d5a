//! People: how they are reached, and when.

use app::user::create::NewUser;
use app::user::methods::NewRule;
use app::{AppError, Context};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Json, routing};
use domain::access::Permission;
use domain::id::{MethodId, OrgId, RuleId, UserId};
use domain::user::{MethodType, NotificationMethod, NotificationRule, Role, RuleTarget, Urgency, User};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use store::Store;

use crate::ApiError;
use crate::api::{Answer, Id, Sent, Shared, guarded};
use crate::auth::Caller;
use crate::operation::{Operation, Resource};
use crate::page::Asked;
use crate::query::Query;

/// The most people of a page.
const MOST: usize = 10_000;

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Users",
    operations: &[
        Operation::get("/v2/users", "Lists people", || routing::get(list))
            .needs(Permission::See)
            .asks(&[
                ("email", "Their address"),
                ("page_size", "How many objects a page has"),
                ("after", "The id of the last object of the page before"),
            ])
            .answers(200, "{users*: [UserInFull], pagination_meta*: Pagination}"),
        Operation::post("/v2/users", "Adds a person; this is ours", || routing::post(create))
            .needs(Permission::ManageUsers)
            .takes("{name*: string, email*: string, role: viewer|responder|administrator|owner}")
            .answers(201, "{user*: UserInFull}"),
        Operation::get("/v2/users/{id}", "Shows a person", || routing::get(show))
            .needs(Permission::See)
            .answers(200, "{user*: UserInFull}"),
        Operation::put("/v2/users/{id}", "Changes what a person may do; this is ours", || {
            routing::put(change)
        })
        .needs(Permission::ManageUsers)
        .takes("{role*: viewer|responder|administrator|owner}")
        .answers(200, "{user*: UserInFull}"),
        Operation::delete("/v2/users/{id}", "Removes a person; this is ours", || routing::delete(remove))
            .needs(Permission::ManageUsers),
        Operation::get("/v2/users/{id}/notification_methods", "Lists how a person is reached", || {
            routing::get(methods)
        })
        .needs(Permission::See)
        .answers(200, "{notification_methods*: [NotificationMethod]}"),
        Operation::post(
            "/v2/users/{id}/notification_methods",
            "Adds how a person is reached; this is ours",
            || routing::post(add_method),
        )
        .needs(Permission::SetMethods)
        .takes("{method_type*: string, address*: string}")
        .answers(201, "{notification_method*: NewNotificationMethod}"),
        Operation::post(
            "/v2/users/{id}/actions/remove_notification_method",
            "Removes a method, and the rules that name it; the last one stays; this is ours",
            || routing::post(remove_method),
        )
        .needs(Permission::SetMethods)
        .takes("{notification_method_id*: id}")
        .answers(200, "{notification_methods*: [NotificationMethod]}"),
        Operation::get(
            "/v2/users/{id}/notification_rules",
            "Lists when a person is reached in which way",
            || routing::get(rules),
        )
        .needs(Permission::See)
        .answers(200, "{notification_rules*: [NotificationRule]}"),
        Operation::put(
            "/v2/users/{id}/notification_rules",
            "Sets when a person is reached in which way; this is ours",
            || routing::put(set_rules),
        )
        .needs(Permission::SetMethods)
        .takes("{notification_rules*: [NotificationRule]}")
        .answers(200, "{notification_rules*: [NotificationRule]}"),
    ],
    shapes: &[
        (
            "User",
            "{id*: id, name*: string, email: string, \
             role*: viewer|responder|administrator|owner|unset}",
        ),
        (
            "UserInFull",
            "{id*: id, name*: string, email: string, \
             role*: viewer|responder|administrator|owner|unset, base_role*: {id*: id, \
             name*: string, slug*: string}, custom_roles*: [any], is_active: boolean}",
        ),
        ("NotificationMethod", "{id*: id, method_type*: string, address: string, is_usable: boolean}"),
        (
            "NewNotificationMethod",
            "{id*: id, method_type*: string, address: string, is_usable: boolean, secret: string}",
        ),
        (
            "NotificationRule",
            "{id: id, rule_type*: high_urgency|low_urgency, method_type*: string, \
             delay_seconds*: integer, method_target*: {type*: all|specific, specific: {id*: id}}}",
        ),
    ],
};

/// The router of people.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes(), ctx)
}

async fn find(store: &Store, org: OrgId, id: UserId) -> Answer<User> {
    Ok(store.user(org, id).await?.ok_or_else(|| AppError::not_found("user", id))?)
}

async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let (store, asked) = (&desk.ctx.store, Asked::read(&query, MOST)?);
    let page = match (query.one("email"), query.one("slack_user_id")) {
        (_, Some(_)) => asked.cut(Vec::new(), id_of),
        (Some(email), None) => {
            let known = store.person(email).await?.filter(|(org, _)| *org == caller.org);
            let user = match known {
                Some((org, id)) => store.user(org, id).await?,
                None => None,
            };
            let user = user.filter(|user| asked.after.as_ref().is_none_or(|after| id_of(user) > *after));
            asked.cut(user.into_iter().collect(), id_of)
        }
        (None, None) => {
            let read = store.users_after(caller.org, asked.after.as_deref(), asked.size + 1).await?;
            asked.cut(read, id_of)
        }
    };
    Ok(Json(json!({
        "users": page.items.iter().map(shown).collect::<Vec<_>>(),
        "pagination_meta": asked.meta(page.after.as_deref()),
    })))
}

fn id_of(user: &User) -> String {
    user.id.to_string()
}

async fn show(State(desk): Shared, caller: Caller, Id(id): Id<UserId>) -> Answer<Json<Value>> {
    let user = find(&desk.ctx.store, caller.org, id).await?;
    Ok(Json(json!({ "user": shown(&user) })))
}

/// A person as they are asked for.
#[derive(Deserialize)]
struct NewUserBody {
    name: String,
    email: String,
    role: Option<Role>,
}

async fn create(State(desk): Shared, caller: Caller, Sent { body, .. }: Sent<NewUserBody>) -> Answer {
    let NewUserBody { name, email, role } = body;
    let new = NewUser { name, email, role: role.unwrap_or(Role::Responder) };
    let ctx = &desk.ctx;
    let user = app::user::create::create(&ctx.store, &caller.actor, &new, &ctx.random, ctx.now()).await?;
    Ok(created(json!({ "user": shown(&user) })))
}

/// What a person may do, as it is asked for.
#[derive(Deserialize)]
struct RoleBody {
    role: Role,
}

async fn change(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<UserId>,
    Sent { body, .. }: Sent<RoleBody>,
) -> Answer<Json<Value>> {
    let ctx = &desk.ctx;
    let user = app::user::role::set(&ctx.store, &caller.actor, id, body.role, &ctx.random, ctx.now()).await?;
    Ok(Json(json!({ "user": shown(&user) })))
}

async fn remove(State(desk): Shared, caller: Caller, Id(id): Id<UserId>) -> Answer<StatusCode> {
    let ctx = &desk.ctx;
    app::user::remove::remove(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn created(body: Value) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}

async fn methods(State(desk): Shared, caller: Caller, Id(id): Id<UserId>) -> Answer<Json<Value>> {
    Ok(shown_methods(&caller, &find(&desk.ctx.store, caller.org, id).await?))
}

/// A person's methods, as far as they may be seen.
fn shown_methods(caller: &Caller, user: &User) -> Json<Value> {
    let told = caller.actor.may(Permission::SeeAddresses).is_ok();
    let shown = user.methods.iter().map(|one| if told { method(one) } else { redacted(one) });
    Json(json!({ "notification_methods": shown.collect::<Vec<_>>() }))
}

/// The method that is to be removed.
#[derive(Deserialize)]
struct RemovedBody {
    notification_method_id: MethodId,
}

async fn remove_method(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<UserId>,
    Sent { body, .. }: Sent<RemovedBody>,
) -> Answer<Json<Value>> {
    let (ctx, which) = (&desk.ctx, (id, body.notification_method_id));
    let user =
        app::user::methods::remove_method(&ctx.store, &caller.actor, which, &ctx.random, ctx.now()).await?;
    Ok(shown_methods(&caller, &user))
}

/// A method as it is asked for.
#[derive(Deserialize)]
struct NewMethodBody {
    method_type: MethodType,
    address: String,
}

async fn add_method(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<UserId>,
    Sent { body, .. }: Sent<NewMethodBody>,
) -> Answer {
    let (ctx, new) = (&desk.ctx, (body.method_type, body.address.as_str()));
    let added = app::user::methods::add_method(ctx, &caller.actor, id, new).await?;
    let mut shown = method(&added.method);
    if let Some(secret) = &added.secret {
        shown["secret"] = json!(secret.expose_secret());
    }
    Ok(created(json!({ "notification_method": shown })))
}

async fn rules(State(desk): Shared, caller: Caller, Id(id): Id<UserId>) -> Answer<Json<Value>> {
    let user = find(&desk.ctx.store, caller.org, id).await?;
    Ok(Json(shown_rules(&user)))
}

/// The rules as they are asked for: all of them.
#[derive(Deserialize)]
struct RulesBody {
    notification_rules: Vec<RuleBody>,
}

/// A rule as it is asked for.
#[derive(Deserialize)]
struct RuleBody {
    id: Option<RuleId>,
    rule_type: RuleType,
    method_type: MethodType,
    #[serde(default)]
    delay_seconds: u32,
    method_target: MethodTarget,
}

/// The urgency of a rule.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RuleType {
    HighUrgency,
    LowUrgency,
}

/// Which methods a rule uses.
#[derive(Deserialize)]
struct MethodTarget {
    r#type: TargetType,
    specific: Option<Specific>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TargetType {
    Specific,
    All,
}

#[derive(Deserialize)]
struct Specific {
    id: MethodId,
}

impl RuleBody {
    fn rule(&self, n: usize) -> Result<NewRule, ApiError> {
        let target = match (&self.method_target.r#type, &self.method_target.specific) {
            (TargetType::All, _) => RuleTarget::All,
            (TargetType::Specific, Some(Specific { id })) => RuleTarget::Specific(*id),
            (TargetType::Specific, None) => {
                return Err(ApiError::required(&format!("notification_rules.{n}.method_target.specific")));
            }
        };
        let urgency = match self.rule_type {
            RuleType::HighUrgency => Urgency::High,
            RuleType::LowUrgency => Urgency::Low,
        };
        let (method_type, delay_seconds) = (self.method_type, self.delay_seconds);
        Ok(NewRule { id: self.id, urgency, delay_seconds, method_type, target })
    }
}

async fn set_rules(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<UserId>,
    Sent { body, .. }: Sent<RulesBody>,
) -> Answer<Json<Value>> {
    let rules = body.notification_rules.iter().enumerate().map(|(n, rule)| rule.rule(n));
    let rules = rules.collect::<Result<Vec<_>, _>>()?;
    let ctx = &desk.ctx;
    let user =
        app::user::methods::set_rules(&ctx.store, &caller.actor, id, &rules, &ctx.random, ctx.now()).await?;
    Ok(Json(shown_rules(&user)))
}

/// A person, in full.
fn shown(user: &User) -> Value {
    let role = user.role.name();
    let mut shown = slim(user);
    shown["base_role"] = json!({ "id": format!("role-{role}"), "name": role, "slug": role });
    shown["custom_roles"] = json!([]);
    shown["is_active"] = true.into();
    shown["seats"] = json!({ "on_call": "full_access", "response": "full_access" });
    shown
}

/// A person where something else names them.
pub(crate) fn slim(user: &User) -> Value {
    json!({ "id": user.id, "name": user.name, "email": user.email, "role": user.role.name() })
}

fn method(method: &NotificationMethod) -> Value {
    json!({
        "id": method.id,
        "method_type": method.method_type.name(),
        "address": method.address,
        "is_usable": true,
    })
}

/// A method, without what only some may see.
fn redacted(one: &NotificationMethod) -> Value {
    let mut shown = method(one);
    if let Value::Object(fields) = &mut shown {
        fields.remove("address");
    }
    shown
}

fn shown_rules(user: &User) -> Value {
    json!({ "notification_rules": user.rules.iter().map(rule).collect::<Vec<_>>() })
}

fn rule(rule: &NotificationRule) -> Value {
    let target = match rule.target {
        RuleTarget::All => json!({ "type": "all", "all": {} }),
        RuleTarget::Specific(id) => json!({ "type": "specific", "specific": { "id": id } }),
    };
    json!({
        "id": rule.id,
        "rule_type": match rule.urgency { Urgency::High => "high_urgency", Urgency::Low => "low_urgency" },
        "method_type": rule.method_type.name(),
        "delay_seconds": rule.delay_seconds,
        "method_target": target,
    })
}
