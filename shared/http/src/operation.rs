//! Operations: what a resource serves, said once. The router and the API's own description are both made of it, so
//! that neither can leave out what the other has.

use std::sync::Arc;

use axum::routing::MethodRouter;

use crate::api::Desk;

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

/// One operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// Its method.
    pub(crate) method: Method,
    /// Its path.
    pub(crate) path: &'static str,
    /// What it does, in a line.
    pub(crate) summary: &'static str,
    /// What it asks for beside the path, and what that means.
    pub(crate) query: &'static [(&'static str, &'static str)],
    /// The shape of what it takes.
    pub(crate) body: Option<&'static str>,
    /// How success is answered.
    pub(crate) status: u16,
    /// The shape of that answer.
    pub(crate) answer: Option<&'static str>,
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
        Self { method, path, summary, query: &[], body: None, status: 200, answer: None, serve }
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

    /// How success is answered, without a body.
    pub(crate) const fn answers_nothing(self, status: u16) -> Self {
        Self { status, answer: None, ..self }
    }
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
        let add = |router: axum::Router<Arc<Desk>>, one: &Operation| router.route(one.path, (one.serve)());
        self.operations.iter().fold(axum::Router::new(), add)
    }
}
