//! The routes of the pages, said once: the router is made of them, and tests ask each of them.

use std::sync::Arc;

use axum::routing::MethodRouter;
use domain::access::Permission;

use super::Desk;

/// Who may come to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever comes; a token in the request says what they may do, if anything.
    Anybody,
    /// Whoever is signed in, whatever their role.
    SignedIn,
    /// Whoever is signed in and may do this.
    Needs(Permission),
}

/// A page, or what takes a form.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// Who may come; what decides is the verb or the page itself, and a test compares.
    pub access: Access,
    make: fn() -> MethodRouter<Arc<Desk>>,
}

/// What makes the handler of a route.
type Make = fn() -> MethodRouter<Arc<Desk>>;

impl Route {
    /// A page.
    pub(super) const fn get(path: &'static str, access: Access, make: Make) -> Self {
        Self { method: "GET", path, access, make }
    }

    /// What takes a form.
    pub(super) const fn post(path: &'static str, access: Access, make: Make) -> Self {
        Self { method: "POST", path, access, make }
    }
}

/// The router of some routes.
pub(super) fn router<'a>(routes: impl IntoIterator<Item = &'a Route>) -> axum::Router<Arc<Desk>> {
    routes.into_iter().fold(axum::Router::new(), |router, route| router.route(route.path, (route.make)()))
}
