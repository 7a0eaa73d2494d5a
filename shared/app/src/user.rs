//! People.

pub mod create;
pub mod reach;
pub mod remove;
pub mod role;

use domain::audit::{AuditTarget, Kind};
use domain::user::User;

/// A person, as the audit log names them.
pub(crate) fn thing(user: &User) -> AuditTarget {
    AuditTarget::new(Kind::User, user.id, &user.name)
}
