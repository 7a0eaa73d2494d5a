//! People: who they are, how they are notified, and when.

use app::user::create::NewUser;
use app::user::methods::NewRule;
use app::{AppError, Context};
use axum::extract::State;
use axum::{Json, routing};
use domain::access::Permission;
use domain::id::{MethodId, OrgId, RuleId, UserId};
use domain::user::{MethodType, NotificationMethod, NotificationRule, Role, RuleTarget, Urgency, User};
use http::StatusCode;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use store::Store;

use crate::ApiError;
use crate::actor::UserView;
use crate::api::{ApiResult, JsonBody, SharedState, guarded};
use crate::auth::Caller;
use crate::operation::{AFTER, Operation, PAGE_SIZE, Resource};
use crate::page::{PageRequest, PaginationView};
use crate::query::Query;
use crate::schema::{EmptyList, Id};

/// The most people of a page.
const MAX_PAGE: usize = 10_000;

/// The operations on people.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Users",
    operations: &[
        Operation::get("/v2/users", "Lists people", || routing::get(list))
            .needs(Permission::See)
            .query(&[("email", "Only the person with this email address"), PAGE_SIZE, AFTER])
            .reply::<UserListReply>(200),
        Operation::post("/v2/users", "Creates a person (Firebell extension)", || routing::post(create))
            .needs(Permission::ManageUsers)
            .body::<NewUserPayload>()
            .reply::<UserReply>(201),
        Operation::get("/v2/users/{id}", "Shows a person", || routing::get(show))
            .needs(Permission::See)
            .reply::<UserReply>(200),
        Operation::put("/v2/users/{id}", "Sets the role of a person (Firebell extension)", || {
            routing::put(set_role)
        })
        .needs(Permission::ManageUsers)
        .body::<UserRolePayload>()
        .reply::<UserReply>(200),
        Operation::delete("/v2/users/{id}", "Removes a person (Firebell extension)", || {
            routing::delete(remove)
        })
        .needs(Permission::ManageUsers),
        Operation::get(
            "/v2/users/{id}/notification_methods",
            "Lists the notification methods of a person",
            || routing::get(list_methods),
        )
        .needs(Permission::See)
        .reply::<MethodListReply>(200),
        Operation::post(
            "/v2/users/{id}/notification_methods",
            "Adds a notification method to a person (Firebell extension)",
            || routing::post(add_method),
        )
        .needs(Permission::SetMethods)
        .body::<NewMethodPayload>()
        .reply::<NewMethodReply>(201),
        Operation::post(
            "/v2/users/{id}/actions/remove_notification_method",
            "Removes a notification method and the rules that name it. The last method cannot be removed (Firebell \
             extension)",
            || routing::post(remove_method),
        )
        .needs(Permission::SetMethods)
        .body::<RemovedMethodPayload>()
        .reply::<MethodListReply>(200),
        Operation::get(
            "/v2/users/{id}/notification_rules",
            "Lists the notification rules of a person",
            || routing::get(list_rules),
        )
        .needs(Permission::See)
        .reply::<RuleListReply>(200),
        Operation::put(
            "/v2/users/{id}/notification_rules",
            "Replaces the notification rules of a person (Firebell extension)",
            || routing::put(set_rules),
        )
        .needs(Permission::SetMethods)
        .body::<RulesPayload>()
        .reply::<RuleListReply>(200),
    ],
};

/// The router of people.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes(), ctx)
}

/// A person, in full.
#[derive(Serialize, JsonSchema)]
struct UserInFullView {
    #[serde(flatten)]
    user: UserView,
    /// The role with its name.
    base_role: BaseRoleView,
    /// Roles that an organisation defines. Firebell does not have them yet.
    custom_roles: EmptyList,
    /// Whether the person can sign in.
    is_active: bool,
    /// The seats of the person.
    seats: SeatsView,
}

/// The role of a person with its name.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct BaseRoleView {
    #[schemars(length(min = 1))]
    id: String,
    name: &'static str,
    slug: &'static str,
}

/// The seats of a person. Every person of Firebell has all of them.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct SeatsView {
    on_call: &'static str,
    response: &'static str,
}

impl From<&User> for UserInFullView {
    fn from(user: &User) -> Self {
        let role = user.role.name();
        Self {
            user: UserView::from(user),
            base_role: BaseRoleView { id: format!("role-{role}"), name: role, slug: role },
            custom_roles: EmptyList,
            is_active: true,
            seats: SeatsView { on_call: "full_access", response: "full_access" },
        }
    }
}

/// A reply with a person.
#[derive(Serialize, JsonSchema)]
struct UserReply {
    user: UserInFullView,
}

impl UserReply {
    fn new(user: &User) -> Json<Self> {
        Json(Self { user: user.into() })
    }
}

/// A reply with a page of people.
#[derive(Serialize, JsonSchema)]
struct UserListReply {
    users: Vec<UserInFullView>,
    pagination_meta: PaginationView,
}

/// The names of all channels.
fn method_types() -> Vec<&'static str> {
    MethodType::ALL.iter().map(|method| method.name()).collect()
}

/// A notification method of a person.
#[derive(Serialize, JsonSchema)]
struct NotificationMethodView {
    /// The id.
    id: Id<MethodId>,
    /// The kind of method.
    #[schemars(extend("enum" = method_types()))]
    method_type: &'static str,
    /// The address. Absent if the API key may not see addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Whether notifications can be sent by this method.
    is_usable: bool,
}

impl From<&NotificationMethod> for NotificationMethodView {
    fn from(method: &NotificationMethod) -> Self {
        Self {
            id: Id(method.id),
            method_type: method.method_type.name(),
            address: Some(method.address.clone()),
            is_usable: true,
        }
    }
}

/// A reply with the notification methods of a person.
#[derive(Serialize, JsonSchema)]
struct MethodListReply {
    notification_methods: Vec<NotificationMethodView>,
}

impl MethodListReply {
    /// The methods of a person. The addresses are shown only to callers that may see them.
    fn new(caller: &Caller, user: &User) -> Json<Self> {
        let sees_addresses = caller.actor.may(Permission::SeeAddresses).is_ok();
        let view = |method| {
            let view = NotificationMethodView::from(method);
            if sees_addresses { view } else { NotificationMethodView { address: None, ..view } }
        };
        Json(Self { notification_methods: user.methods.iter().map(view).collect() })
    }
}

/// A new notification method.
#[derive(Serialize, JsonSchema)]
struct NewNotificationMethodView {
    #[serde(flatten)]
    method: NotificationMethodView,
    /// The secret that signs notifications by webhook. It is shown only in this reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A reply with a new notification method.
#[derive(Serialize, JsonSchema)]
struct NewMethodReply {
    notification_method: NewNotificationMethodView,
}

/// When a notification method is used.
#[derive(Serialize, JsonSchema)]
struct NotificationRuleView {
    /// The id.
    id: Id<RuleId>,
    /// The urgency for which the rule is.
    #[schemars(extend("enum" = ["high_urgency", "low_urgency"]))]
    rule_type: &'static str,
    /// The kind of method that is used.
    #[schemars(extend("enum" = method_types()))]
    method_type: &'static str,
    /// How many seconds after the beginning of the level the method is used.
    delay_seconds: u32,
    /// Which methods of that kind are used.
    method_target: MethodTargetView,
}

/// Which methods a rule uses: all of its kind, or a specific one.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(inline)]
struct MethodTargetView {
    #[schemars(extend("enum" = ["all", "specific"]))]
    r#type: &'static str,
    /// An empty object if all methods are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    all: Option<AllMethodsView>,
    /// The method that is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    specific: Option<SpecificMethodView>,
}

/// An empty object.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct AllMethodsView {}

/// A method by its id.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct SpecificMethodView {
    id: Id<MethodId>,
}

impl From<&NotificationRule> for NotificationRuleView {
    fn from(rule: &NotificationRule) -> Self {
        let method_target = match rule.target {
            RuleTarget::All => {
                MethodTargetView { r#type: "all", all: Some(AllMethodsView {}), specific: None }
            }
            RuleTarget::Specific(id) => {
                let specific = Some(SpecificMethodView { id: Id(id) });
                MethodTargetView { r#type: "specific", all: None, specific }
            }
        };
        Self {
            id: Id(rule.id),
            rule_type: match rule.urgency {
                Urgency::High => "high_urgency",
                Urgency::Low => "low_urgency",
            },
            method_type: rule.method_type.name(),
            delay_seconds: rule.delay_seconds,
            method_target,
        }
    }
}

/// A reply with the notification rules of a person.
#[derive(Serialize, JsonSchema)]
struct RuleListReply {
    notification_rules: Vec<NotificationRuleView>,
}

impl RuleListReply {
    fn new(user: &User) -> Json<Self> {
        Json(Self { notification_rules: user.rules.iter().map(NotificationRuleView::from).collect() })
    }
}

/// A person to create.
#[derive(Deserialize, JsonSchema)]
struct NewUserPayload {
    /// The name.
    name: String,
    /// The email address, with which the person signs in and by which they are notified.
    email: String,
    /// What the person may do. A person without a role is a responder.
    #[schemars(with = "Option<UserRoleName>")]
    role: Option<Role>,
}

/// The role to give to a person.
#[derive(Deserialize, JsonSchema)]
struct UserRolePayload {
    /// What the person may do.
    #[schemars(with = "UserRoleName")]
    role: Role,
}

/// The names of roles.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes `domain::user::Role`")]
enum UserRoleName {
    Viewer,
    Responder,
    Administrator,
    Owner,
}

/// A notification method to add.
#[derive(Deserialize, JsonSchema)]
struct NewMethodPayload {
    /// The kind of method.
    #[schemars(with = "String", extend("enum" = method_types()))]
    method_type: MethodType,
    /// The email address, the Slack user id or the URL.
    address: String,
}

/// A notification method to remove.
#[derive(Deserialize, JsonSchema)]
struct RemovedMethodPayload {
    /// The id of the method.
    notification_method_id: Id<MethodId>,
}

/// All notification rules of a person.
#[derive(Deserialize, JsonSchema)]
struct RulesPayload {
    /// The rules. Rules that are not in this list are removed.
    notification_rules: Vec<NotificationRulePayload>,
}

/// A notification rule to set.
#[derive(Deserialize, JsonSchema)]
struct NotificationRulePayload {
    /// The id of a rule to keep. A rule without an id is new.
    id: Option<Id<RuleId>>,
    /// The urgency for which the rule is.
    rule_type: RuleType,
    /// The kind of method that is used.
    #[schemars(with = "String", extend("enum" = method_types()))]
    method_type: MethodType,
    /// How many seconds after the beginning of the level the method is used.
    #[serde(default)]
    delay_seconds: u32,
    /// Which methods of that kind are used.
    method_target: MethodTargetPayload,
}

/// The urgency for which a rule is.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum RuleType {
    HighUrgency,
    LowUrgency,
}

/// Which methods a rule uses.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct MethodTargetPayload {
    r#type: MethodTargetType,
    /// The method, if the type is `specific`.
    specific: Option<SpecificMethodPayload>,
}

/// Whether a rule uses a specific method or all of its kind.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum MethodTargetType {
    Specific,
    All,
}

/// A method by its id.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct SpecificMethodPayload {
    id: Id<MethodId>,
}

impl NotificationRulePayload {
    /// The rule at position `n`.
    ///
    /// # Errors
    /// [`ApiError`] if the target is a specific method and does not name it.
    fn rule(&self, n: usize) -> ApiResult<NewRule> {
        let target = match (&self.method_target.r#type, &self.method_target.specific) {
            (MethodTargetType::All, _) => RuleTarget::All,
            (MethodTargetType::Specific, Some(SpecificMethodPayload { id: Id(id) })) => {
                RuleTarget::Specific(*id)
            }
            (MethodTargetType::Specific, None) => {
                return Err(ApiError::required(&format!("notification_rules.{n}.method_target.specific")));
            }
        };
        let urgency = match self.rule_type {
            RuleType::HighUrgency => Urgency::High,
            RuleType::LowUrgency => Urgency::Low,
        };
        let (method_type, delay_seconds) = (self.method_type, self.delay_seconds);
        Ok(NewRule { id: self.id.map(|Id(id)| id), urgency, delay_seconds, method_type, target })
    }
}

async fn find(store: &Store, org: OrgId, id: UserId) -> ApiResult<User> {
    Ok(store.user(org, id).await?.ok_or_else(|| AppError::not_found("user", id))?)
}

async fn list(State(api): SharedState, caller: Caller, query: Query) -> ApiResult<Json<UserListReply>> {
    let (store, page) = (&api.ctx.store, PageRequest::read(&query, MAX_PAGE)?);
    let found = match (query.one("email"), query.one("slack_user_id")) {
        // The Slack ids of people are not stored yet.
        (_, Some(_)) => page.cut(Vec::new(), id_of),
        (Some(email), None) => {
            let known = store.person(email).await?.filter(|(org, _)| *org == caller.org);
            let user = match known {
                Some((org, id)) => store.user(org, id).await?,
                None => None,
            };
            let user = user.filter(|user| page.after.as_ref().is_none_or(|after| id_of(user) > *after));
            page.cut(user.into_iter().collect(), id_of)
        }
        (None, None) => {
            let read = store.users_after(caller.org, page.after.as_deref(), page.size + 1).await?;
            page.cut(read, id_of)
        }
    };
    Ok(Json(UserListReply {
        users: found.items.iter().map(UserInFullView::from).collect(),
        pagination_meta: page.meta(found.after),
    }))
}

fn id_of(user: &User) -> String {
    user.id.to_string()
}

async fn show(State(api): SharedState, caller: Caller, Id(id): Id<UserId>) -> ApiResult<Json<UserReply>> {
    let user = find(&api.ctx.store, caller.org, id).await?;
    Ok(UserReply::new(&user))
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<NewUserPayload>,
) -> ApiResult<(StatusCode, Json<UserReply>)> {
    let NewUserPayload { name, email, role } = body;
    let new = NewUser { name, email, role: role.unwrap_or(Role::Responder) };
    let ctx = &api.ctx;
    let user = app::user::create::create(&ctx.store, &caller.actor, &new, &ctx.random, ctx.now()).await?;
    Ok((StatusCode::CREATED, UserReply::new(&user)))
}

async fn set_role(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<UserId>,
    JsonBody { body, .. }: JsonBody<UserRolePayload>,
) -> ApiResult<Json<UserReply>> {
    let ctx = &api.ctx;
    let user = app::user::role::set(&ctx.store, &caller.actor, id, body.role, &ctx.random, ctx.now()).await?;
    Ok(UserReply::new(&user))
}

async fn remove(State(api): SharedState, caller: Caller, Id(id): Id<UserId>) -> ApiResult<StatusCode> {
    let ctx = &api.ctx;
    app::user::remove::remove(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_methods(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<UserId>,
) -> ApiResult<Json<MethodListReply>> {
    Ok(MethodListReply::new(&caller, &find(&api.ctx.store, caller.org, id).await?))
}

async fn remove_method(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<UserId>,
    JsonBody { body, .. }: JsonBody<RemovedMethodPayload>,
) -> ApiResult<Json<MethodListReply>> {
    let (ctx, Id(method)) = (&api.ctx, body.notification_method_id);
    let user =
        app::user::methods::remove_method(&ctx.store, &caller.actor, (id, method), &ctx.random, ctx.now())
            .await?;
    Ok(MethodListReply::new(&caller, &user))
}

async fn add_method(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<UserId>,
    JsonBody { body, .. }: JsonBody<NewMethodPayload>,
) -> ApiResult<(StatusCode, Json<NewMethodReply>)> {
    let (ctx, new) = (&api.ctx, (body.method_type, body.address.as_str()));
    let added = app::user::methods::add_method(ctx, &caller.actor, id, new).await?;
    let notification_method = NewNotificationMethodView {
        method: (&added.method).into(),
        secret: added.secret.map(|secret| secret.expose_secret().to_owned()),
    };
    Ok((StatusCode::CREATED, Json(NewMethodReply { notification_method })))
}

async fn list_rules(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<UserId>,
) -> ApiResult<Json<RuleListReply>> {
    Ok(RuleListReply::new(&find(&api.ctx.store, caller.org, id).await?))
}

async fn set_rules(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<UserId>,
    JsonBody { body, .. }: JsonBody<RulesPayload>,
) -> ApiResult<Json<RuleListReply>> {
    let rules = body.notification_rules.iter().enumerate().map(|(n, rule)| rule.rule(n));
    let rules = rules.collect::<ApiResult<Vec<_>>>()?;
    let ctx = &api.ctx;
    let user =
        app::user::methods::set_rules(&ctx.store, &caller.actor, id, &rules, &ctx.random, ctx.now()).await?;
    Ok(RuleListReply::new(&user))
}
