//! People.

pub mod create;
pub mod methods;
pub mod remove;
pub mod role;

use domain::audit::{AuditKind, AuditTarget};
use domain::user::User;

/// The audit log's name of a person.
pub(crate) fn thing(user: &User) -> AuditTarget {
    AuditTarget::new(AuditKind::User, user.id, &user.name)
}
