//! Who created or changed something, as replies show it.

use domain::Identity;
use domain::id::{AlertId, ApiKeyId, OrgId, UserId};
use domain::user::User;
use schemars::JsonSchema;
use serde::Serialize;
use store::Store;

use crate::api::ApiResult;
use crate::auth::Caller;
use crate::schema::Id;

/// A person, where another object names them.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct UserView {
    /// The id.
    pub(crate) id: Id<UserId>,
    /// The name.
    pub(crate) name: String,
    /// The email address. Absent if the person has left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// What the person may do. `unset` if the person has left.
    #[schemars(extend("enum" = ["viewer", "responder", "administrator", "owner", "unset"]))]
    pub(crate) role: &'static str,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: Id(user.id),
            name: user.name.clone(),
            email: Some(user.email.clone()),
            role: user.role.name(),
        }
    }
}

impl UserView {
    /// The person with an id, who may have left since.
    pub(crate) async fn load(store: &Store, org: OrgId, id: UserId) -> ApiResult<Self> {
        Ok(match store.user(org, id).await? {
            Some(user) => Self::from(&user),
            None => Self { id: Id(id), name: "A person who has left".to_owned(), email: None, role: "unset" },
        })
    }
}

/// Who created or changed an object: one of these fields. An actor without a field is Firebell itself.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct ActorView {
    /// A person.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserView>,
    /// An API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<ApiKeyNameView>,
    /// An alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<AlertTitleView>,
    /// A part of Firebell.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<WorkflowView>,
}

/// An API key by its name.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct ApiKeyNameView {
    id: Id<ApiKeyId>,
    name: String,
}

/// An alert by its title.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct AlertTitleView {
    id: Id<AlertId>,
    title: String,
}

/// A part of Firebell by its name.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct WorkflowView {
    #[schemars(length(min = 1))]
    id: String,
    name: String,
}

impl ActorView {
    /// The actor behind an identity. `alert` is the alert for which Firebell itself acted.
    pub(crate) async fn load(
        store: &Store,
        caller: &Caller,
        by: &Identity,
        alert: Option<AlertId>,
    ) -> ApiResult<Self> {
        let org = caller.org;
        Ok(match (by, alert) {
            (Identity::User(id), _) => {
                Self { user: Some(UserView::load(store, org, *id).await?), ..Self::default() }
            }
            (Identity::ApiKey(id), _) => {
                let name = if *id == caller.key.id {
                    caller.key.name.clone()
                } else {
                    let key = store.api_key(org, *id).await?;
                    key.map_or_else(|| "A revoked API key".to_owned(), |key| key.name)
                };
                Self { api_key: Some(ApiKeyNameView { id: Id(*id), name }), ..Self::default() }
            }
            (Identity::System(_), Some(id)) => {
                let title = store.alert(org, id).await?.map(|alert| alert.title).unwrap_or_default();
                Self { alert: Some(AlertTitleView { id: Id(id), title }), ..Self::default() }
            }
            (Identity::System(part), None) => {
                let workflow = WorkflowView { id: part.clone(), name: part.clone() };
                Self { workflow: Some(workflow), ..Self::default() }
            }
        })
    }
}
