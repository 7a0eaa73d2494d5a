//! Operations: what each resource serves, declared once. The router and the API's description are both made from these
//! declarations, so that neither can leave out what the other has.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::MethodRouter;
use domain::access::{Forbidden, Granted, Permission};
use schemars::JsonSchema;

use crate::api::{ApiResult, ApiState};
use crate::auth::Caller;
use crate::schema::BodySchema;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Reads an object or a list.
    Get,
    /// Creates an object or runs an action.
    Post,
    /// Replaces an object.
    Put,
    /// Deletes an object.
    Delete,
}

impl Method {
    /// The name of the method.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// The access that an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The operation does not declare it. Only a caller with every permission passes, and a test fails.
    Undeclared,
    /// Any API key.
    Key,
    /// The secret of the alert source, which the source's own router checks.
    Secret,
    /// An API key with this permission.
    Permission(Permission),
}

/// A query parameter: its name, with a `*` at the end if it is required, and its meaning.
pub(crate) type QueryParameter = (&'static str, &'static str);

/// The query parameter for the size of a page.
pub(crate) const PAGE_SIZE: QueryParameter = ("page_size", "The number of objects in a page");

/// The query parameter for the cursor of a page.
pub(crate) const AFTER: QueryParameter = ("after", "The id of the last object of the previous page");

/// One operation of the API.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(feature = "description"),
    expect(dead_code, reason = "the description alone shows some fields")
)]
pub(crate) struct Operation {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The path.
    pub(crate) path: &'static str,
    /// What the operation does, in one sentence without a full stop.
    pub(crate) summary: &'static str,
    /// The access that the operation needs.
    pub(crate) needs: Needs,
    /// The query parameters.
    pub(crate) query: &'static [QueryParameter],
    /// The schema of the request body.
    pub(crate) body: Option<BodySchema>,
    /// The status of a successful reply.
    pub(crate) status: u16,
    /// The schema of a successful reply.
    pub(crate) reply: Option<BodySchema>,
    /// The schema of an error, if the operation speaks another product's API.
    pub(crate) error: Option<BodySchema>,
    /// The handler.
    pub(crate) serve: fn() -> MethodRouter<Arc<ApiState>>,
}

impl Operation {
    const fn new(
        method: Method,
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<ApiState>>,
    ) -> Self {
        Self {
            method,
            path,
            summary,
            needs: Needs::Undeclared,
            query: &[],
            body: None,
            status: 200,
            reply: None,
            error: None,
            serve,
        }
    }

    /// A `GET` operation.
    pub(crate) const fn get(
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<ApiState>>,
    ) -> Self {
        Self::new(Method::Get, path, summary, serve)
    }

    /// A `POST` operation.
    pub(crate) const fn post(
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<ApiState>>,
    ) -> Self {
        Self::new(Method::Post, path, summary, serve)
    }

    /// A `PUT` operation.
    pub(crate) const fn put(
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<ApiState>>,
    ) -> Self {
        Self::new(Method::Put, path, summary, serve)
    }

    /// A `DELETE` operation. Success is 204 without a body unless it says otherwise.
    pub(crate) const fn delete(
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<ApiState>>,
    ) -> Self {
        Self { status: 204, ..Self::new(Method::Delete, path, summary, serve) }
    }

    /// Sets the permission that the caller needs.
    pub(crate) const fn needs(self, permission: Permission) -> Self {
        Self { needs: Needs::Permission(permission), ..self }
    }

    /// Allows every API key.
    pub(crate) const fn needs_a_key(self) -> Self {
        Self { needs: Needs::Key, ..self }
    }

    /// Says that the operation has a router of its own, which checks the secret of an alert source.
    pub(crate) const fn needs_a_secret(self) -> Self {
        Self { needs: Needs::Secret, ..self }
    }

    /// Sets the query parameters.
    pub(crate) const fn query(self, query: &'static [QueryParameter]) -> Self {
        Self { query, ..self }
    }

    /// Sets the type of the request body.
    pub(crate) const fn body<T: JsonSchema>(self) -> Self {
        Self { body: Some(BodySchema::named::<T>()), ..self }
    }

    /// Sets the status and the type of a successful reply.
    pub(crate) const fn reply<T: JsonSchema>(self, status: u16) -> Self {
        Self { status, reply: Some(BodySchema::inline::<T>()), ..self }
    }

    /// Sets the status of a successful reply without a body.
    pub(crate) const fn empty_reply(self, status: u16) -> Self {
        Self { status, reply: None, ..self }
    }

    /// Sets the type of an error, for an operation that speaks another product's API.
    pub(crate) const fn error<T: JsonSchema>(self) -> Self {
        Self { error: Some(BodySchema::named::<T>()), ..self }
    }
}

/// Passes a request on if its caller has the access that the operation needs.
async fn authorize(State(needs): State<Needs>, caller: Caller, request: Request, next: Next) -> ApiResult {
    check(needs, &caller)?;
    Ok(next.run(request).await)
}

/// Checks that a caller has the access that an operation needs, before anything else of the request is read.
fn check(needs: Needs, caller: &Caller) -> Result<(), Forbidden> {
    let lacks = match needs {
        Needs::Key => None,
        Needs::Permission(permission) => caller.actor.may(permission).err(),
        Needs::Undeclared | Needs::Secret => caller.actor.granted().lacks(Granted::all()).map(Forbidden),
    };
    lacks.map_or(Ok(()), Err)
}

/// A resource: operations that belong together.
#[derive(Debug)]
#[cfg_attr(not(feature = "description"), expect(dead_code, reason = "the description alone shows the name"))]
pub(crate) struct Resource {
    /// The name for people.
    pub(crate) name: &'static str,
    /// The operations.
    pub(crate) operations: &'static [Operation],
}

impl Resource {
    /// The routes of the operations.
    pub(crate) fn routes(&self) -> axum::Router<Arc<ApiState>> {
        let add = |router: axum::Router<Arc<ApiState>>, one: &Operation| {
            router.route(one.path, (one.serve)().route_layer(from_fn_with_state(one.needs, authorize)))
        };
        self.operations.iter().fold(axum::Router::new(), add)
    }
}
