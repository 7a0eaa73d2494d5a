//! The routes of the pages. Routers are built from these lists, and tests request every route in them.

use std::sync::Arc;

use axum::routing::MethodRouter;
use domain::access::Permission;

use super::WebState;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody. A token in the request, if any, decides what they may do.
    Anybody,
    /// Every signed-in person, whatever their role.
    SignedIn,
    /// Every signed-in person who has this permission.
    Needs(Permission),
}

/// A route: a page, or the target of a form.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// Who may use the route. The handler or its verb enforces this; a test compares the two.
    pub access: Access,
    handler: MakeHandler,
}

/// Makes the handler of a route.
type MakeHandler = fn() -> MethodRouter<Arc<WebState>>;

impl Route {
    /// Declares a page.
    pub(super) const fn get(path: &'static str, access: Access, handler: MakeHandler) -> Self {
        Self { method: "GET", path, access, handler }
    }

    /// Declares the target of a form.
    pub(super) const fn post(path: &'static str, access: Access, handler: MakeHandler) -> Self {
        Self { method: "POST", path, access, handler }
    }
}

/// Builds the router of some routes.
pub(super) fn router<'a>(routes: impl IntoIterator<Item = &'a Route>) -> axum::Router<Arc<WebState>> {
    routes.into_iter().fold(axum::Router::new(), |router, route| router.route(route.path, (route.handler)()))
}
