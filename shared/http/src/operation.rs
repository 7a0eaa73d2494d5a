//! Operations: what a resource serves, said once. The router and the API's own description are both made of it, so
//! that neither can leave out what the other has.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::MethodRouter;
use domain::access::{Forbidden, Granted, Permission};

use crate::api::{Answer, Desk};
use crate::auth::Caller;

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Reads.
    Get,
    /// Makes, or does.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

/// What whoever asks for an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nobody has said: only whoever may do everything passes, and a test fails.
    Unsaid,
    /// Any key.
    Key,
    /// The secret of the source itself, which its own router asks for.
    Secret,
    /// A key with this permission.
    Permission(Permission),
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// Its method.
    pub(crate) method: Method,
    /// Its path.
    pub(crate) path: &'static str,
    /// What it does, in a line.
    pub(crate) summary: &'static str,
    /// What whoever asks for it needs.
    pub(crate) needs: Needs,
    /// What it asks for beside the path, and what that means.
    pub(crate) query: &'static [(&'static str, &'static str)],
    /// The shape of what it takes.
    pub(crate) body: Option<&'static str>,
    /// How success is answered.
    pub(crate) status: u16,
    /// The shape of that answer.
    pub(crate) answer: Option<&'static str>,
    /// The shape of a refusal, where it is not our own.
    pub(crate) refusal: Option<&'static str>,
    /// What serves it.
    pub(crate) serve: fn() -> MethodRouter<Arc<Desk>>,
}

impl Operation {
    const fn new(
        method: Method,
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<Desk>>,
    ) -> Self {
        Self {
            method,
            path,
            summary,
            needs: Needs::Unsaid,
            query: &[],
            body: None,
            status: 200,
            answer: None,
            refusal: None,
            serve,
        }
    }

    /// One that reads.
    pub(crate) const fn get(
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<Desk>>,
    ) -> Self {
        Self::new(Method::Get, path, summary, serve)
    }

    /// One that makes or does something.
    pub(crate) const fn post(
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<Desk>>,
    ) -> Self {
        Self::new(Method::Post, path, summary, serve)
    }

    /// One that replaces.
    pub(crate) const fn put(
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<Desk>>,
    ) -> Self {
        Self::new(Method::Put, path, summary, serve)
    }

    /// One that removes.
    pub(crate) const fn delete(
        path: &'static str,
        summary: &'static str,
        serve: fn() -> MethodRouter<Arc<Desk>>,
    ) -> Self {
        Self { status: 204, ..Self::new(Method::Delete, path, summary, serve) }
    }

    /// The permission that it needs.
    pub(crate) const fn needs(self, permission: Permission) -> Self {
        Self { needs: Needs::Permission(permission), ..self }
    }

    /// Any key may ask for it.
    pub(crate) const fn needs_a_key(self) -> Self {
        Self { needs: Needs::Key, ..self }
    }

    /// It has a router of its own, which asks for the secret of a source.
    pub(crate) const fn needs_a_secret(self) -> Self {
        Self { needs: Needs::Secret, ..self }
    }

    /// What it asks for beside the path.
    pub(crate) const fn asks(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    /// The shape of what it takes.
    pub(crate) const fn takes(self, shape: &'static str) -> Self {
        Self { body: Some(shape), ..self }
    }

    /// How success is answered, and in which shape.
    pub(crate) const fn answers(self, status: u16, shape: &'static str) -> Self {
        Self { status, answer: Some(shape), ..self }
    }

    /// The shape of a refusal, in the words of another product.
    pub(crate) const fn refuses(self, shape: &'static str) -> Self {
        Self { refusal: Some(shape), ..self }
    }

    /// How success is answered, without a body.
    pub(crate) const fn answers_nothing(self, status: u16) -> Self {
        Self { status, answer: None, ..self }
    }
}

/// Lets whoever asks pass if they have what the operation needs.
async fn asked(State(needs): State<Needs>, caller: Caller, request: Request, next: Next) -> Answer {
    check(needs, &caller)?;
    Ok(next.run(request).await)
}

/// Says whether somebody has what an operation needs, before anything is read of the request.
fn check(needs: Needs, caller: &Caller) -> Result<(), Forbidden> {
    let lacks = match needs {
        Needs::Key => None,
        Needs::Permission(permission) => caller.actor.may(permission).err(),
        Needs::Unsaid | Needs::Secret => caller.actor.granted().lacks(Granted::all()).map(Forbidden),
    };
    lacks.map_or(Ok(()), Err)
}

/// What belongs together.
#[derive(Debug)]
pub(crate) struct Resource {
    /// What people call it.
    pub(crate) name: &'static str,
    /// What can be done with it.
    pub(crate) operations: &'static [Operation],
    /// The shapes that its operations name.
    pub(crate) shapes: &'static [(&'static str, &'static str)],
}

impl Resource {
    /// The routes of its operations.
    pub(crate) fn routes(&self) -> axum::Router<Arc<Desk>> {
        let add = |router: axum::Router<Arc<Desk>>, one: &Operation| {
            router.route(one.path, (one.serve)().route_layer(from_fn_with_state(one.needs, asked)))
        };
        self.operations.iter().fold(axum::Router::new(), add)
    }
}
