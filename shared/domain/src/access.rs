//! Permissions: one table for people's roles, one for the roles of API keys.
//!
//! A verb asks its [`Actor`] for a permission and gets an [`Allowed`]. An audit entry can only be made from that, so no
//! configuration is changed without a permission check.

use crate::id::{ApiKeyId, IncidentId, OrgId, UserId};
use crate::identity::Identity;
use crate::user::{Role, User};

mod key_role;

pub use key_role::{KeyRole, UnknownRole};

/// A permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
pub enum Permission {
    /// See incidents, people and settings.
    See,
    /// See alerts and escalations, and what decides about them.
    SeeOnCall,
    /// Set how and when they are reached themselves.
    SetOwnMethods,
    /// Declare an incident.
    CreateIncidents,
    /// Edit incidents and share updates of them.
    EditIncidents,
    /// Page people and paths.
    CreateEscalations,
    /// Answer escalations and resolve alerts.
    Respond,
    /// See the addresses at which others are reached.
    SeeAddresses,
    /// Set how and when others are reached.
    SetMethods,
    /// Change what incidents and alerts are given: severities, statuses, roles, attributes.
    ManageSettings,
    /// See and change private incidents of which they are not a member.
    SeePrivate,
    /// Change sources, routes and paths.
    ConfigureOnCall,
    /// Make and revoke API keys.
    ManageApiKeys,
    /// Add and remove people, and change what they may do.
    ManageUsers,
    /// See who changed what.
    SeeAudit,
    /// Make somebody an owner, or take that from them.
    ManageOwners,
}

impl Permission {
    /// Every permission, from the most common to the rarest.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The lowest role that has the permission. This is the whole table of people's roles.
    pub const fn least(self) -> Role {
        match self {
            Self::See | Self::SeeOnCall | Self::SetOwnMethods => Role::Viewer,
            Self::CreateIncidents | Self::EditIncidents | Self::CreateEscalations | Self::Respond => {
                Role::Responder
            }
            Self::SeeAddresses
            | Self::SetMethods
            | Self::ManageSettings
            | Self::SeePrivate
            | Self::ConfigureOnCall
            | Self::ManageApiKeys
            | Self::ManageUsers
            | Self::SeeAudit => Role::Administrator,
            Self::ManageOwners => Role::Owner,
        }
    }

    /// What the permission allows, in words that follow "may".
    pub const fn what(self) -> &'static str {
        match self {
            Self::See => "see incidents, people and settings",
            Self::SeeOnCall => "see alerts, escalations, and their configuration",
            Self::SetOwnMethods => "set their own notification methods and rules",
            Self::CreateIncidents => "declare incidents",
            Self::EditIncidents => "edit incidents and share updates",
            Self::CreateEscalations => "start escalations",
            Self::Respond => "acknowledge and cancel escalations, and resolve alerts",
            Self::SeeAddresses => "see the notification methods of other people",
            Self::SetMethods => "set the notification methods and rules of other people",
            Self::ManageSettings => "change severities, statuses, roles and attributes",
            Self::SeePrivate => "see all private incidents",
            Self::ConfigureOnCall => "change alert sources, routes and escalation paths",
            Self::ManageApiKeys => "create and revoke API keys",
            Self::ManageUsers => "add and remove people, and change their roles",
            Self::SeeAudit => "see who changed what",
            Self::ManageOwners => "add and remove owners",
        }
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Granted(u32);

impl Granted {
    /// All of them.
    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    /// Says whether the set has a permission.
    pub const fn has(self, what: Permission) -> bool {
        self.0 & (1 << what as u32) != 0
    }

    /// The first of the asked permissions that the set lacks.
    pub fn lacks(self, asked: Self) -> Option<Permission> {
        Permission::ALL.iter().copied().find(|what| asked.has(*what) && !self.has(*what))
    }
}

impl FromIterator<Permission> for Granted {
    fn from_iter<T: IntoIterator<Item = Permission>>(all: T) -> Self {
        Self(all.into_iter().fold(0, |bits, what| bits | 1 << what as u32))
    }
}

impl Role {
    /// The permissions of people with this role.
    pub fn grants(self) -> Granted {
        Permission::ALL.iter().copied().filter(|what| what.least() <= self).collect()
    }
}

/// The caller of a verb: an identity in an organisation, with its permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    org: OrgId,
    identity: Identity,
    granted: Granted,
    invited: Option<IncidentId>,
}

impl Actor {
    /// Firebell itself, named by the part that acts. It has every permission.
    pub fn system(org: OrgId, part: &str) -> Self {
        Self { org, identity: Identity::system(part), granted: Granted::all(), invited: None }
    }

    /// A person with their current role.
    pub fn person(org: OrgId, user: &User) -> Self {
        Self { org, identity: Identity::User(user.id), granted: user.role.grants(), invited: None }
    }

    /// A program with an API key.
    pub fn api_key(org: OrgId, id: ApiKeyId, roles: &[KeyRole]) -> Self {
        let granted = roles.iter().flat_map(|role| role.grants()).copied().collect();
        Self { org, identity: Identity::ApiKey(id), granted, invited: None }
    }

    /// The holder of the link in a notification: the notified person, who may only respond.
    pub fn paged(org: OrgId, user: UserId) -> Self {
        let granted = [Permission::Respond].into_iter().collect();
        Self { org, identity: Identity::User(user), granted, invited: None }
    }

    /// The same actor in an incident's Slack channel, where members see the incident even if it is private.
    pub fn invited(self, incident: IncidentId) -> Self {
        Self { invited: Some(incident), ..self }
    }

    /// Says whether the actor is in the channel of an incident.
    pub fn is_invited(&self, incident: IncidentId) -> bool {
        self.invited == Some(incident)
    }

    /// The organisation. A verb never reads data of another one.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The identity in histories.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The actor's permissions.
    pub fn granted(&self) -> Granted {
        self.granted
    }

    /// Checks a permission.
    ///
    /// # Errors
    /// [`Forbidden`] if it was not given.
    pub fn may(&self, what: Permission) -> Result<Allowed<'_>, Forbidden> {
        if self.granted.has(what) { Ok(Allowed { actor: self }) } else { Err(Forbidden(what)) }
    }

    /// Checks the permission to change a person's notification methods and rules. One's own need a lower permission.
    ///
    /// # Errors
    /// [`Forbidden`] if neither was given.
    pub fn may_reach(&self, user: UserId) -> Result<Allowed<'_>, Forbidden> {
        let own = self.identity == Identity::User(user);
        self.may(if own { Permission::SetOwnMethods } else { Permission::SetMethods })
    }
}

/// The proof that a permission was checked.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    actor: &'a Actor,
}

impl Allowed<'_> {
    /// Who.
    pub fn actor(&self) -> &Actor {
        self.actor
    }
}

/// The error for a missing permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("you need the permission to {}", .0.what())]
pub struct Forbidden(pub Permission);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn every_permission_is_listed_once_and_an_owner_has_all() {
        for (n, what) in Permission::ALL.iter().enumerate() {
            assert_eq!(*what as usize, n, "`ALL` lists the permissions in their order");
        }
        assert_eq!(Permission::ALL.last().map(|last| *last as usize + 1), Some(Permission::ALL.len()));
        assert_eq!(Role::Owner.grants(), Granted::all());
    }

    #[test]
    fn each_role_may_do_more_than_the_one_below() {
        for pair in Role::ALL.windows(2) {
            let (less, more) = (pair[0].grants(), pair[1].grants());
            assert_eq!(more.lacks(less), None);
            assert!(less.lacks(more).is_some(), "{pair:?}");
        }
    }

    #[test]
    fn link_in_a_page_lets_its_person_answer_and_nothing_else() {
        let at = Timestamp::UNIX_EPOCH;
        let actor = Actor::paged(OrgId::new(at, 1), UserId::new(at, 2));

        for what in Permission::ALL {
            assert_eq!(actor.may(*what).is_ok(), *what == Permission::Respond, "{what:?}");
        }
    }

    #[test]
    fn own_ways_to_be_reached_need_less_than_those_of_others() {
        let at = Timestamp::UNIX_EPOCH;
        let (org, ada, grace) = (OrgId::new(at, 1), UserId::new(at, 2), UserId::new(at, 3));
        let viewer =
            Actor { org, identity: Identity::User(ada), granted: Role::Viewer.grants(), invited: None };

        assert!(viewer.may_reach(ada).is_ok());
        assert_eq!(viewer.may_reach(grace).unwrap_err(), Forbidden(Permission::SetMethods));
    }
}
