//! Who may do what: one table for people's roles, one for the roles of API keys.
//!
//! A verb asks its [`Actor`] and gets an [`Allowed`]; what is written down of a change is made of that and of nothing
//! else, so that no configuration is changed by somebody who was not asked.

use crate::id::{ApiKeyId, IncidentId, OrgId, UserId};
use crate::identity::Identity;
use crate::user::{Role, User};

mod key_role;

pub use key_role::{KeyRole, UnknownRole};

/// Something that not everybody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// See and change private incidents that they have no part in.
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
    /// Every one, from what most may do to what fewest may.
    pub const ALL: &'static [Self] = &[
        Self::See,
        Self::SeeOnCall,
        Self::SetOwnMethods,
        Self::CreateIncidents,
        Self::EditIncidents,
        Self::CreateEscalations,
        Self::Respond,
        Self::SeeAddresses,
        Self::SetMethods,
        Self::ManageSettings,
        Self::SeePrivate,
        Self::ConfigureOnCall,
        Self::ManageApiKeys,
        Self::ManageUsers,
        Self::SeeAudit,
        Self::ManageOwners,
    ];

    /// The least role that has it: the whole table of people's roles.
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

    /// What it allows, in words that follow "may".
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

    /// Says whether it is among them.
    pub const fn has(self, what: Permission) -> bool {
        self.0 & (1 << what as u32) != 0
    }

    /// The first of these that is not among them.
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
    /// What people of this role may do.
    pub fn grants(self) -> Granted {
        Permission::ALL.iter().copied().filter(|what| what.least() <= self).collect()
    }
}

/// Who asks, in which organisation, and what they may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    org: OrgId,
    identity: Identity,
    granted: Granted,
    invited: Option<IncidentId>,
}

impl Actor {
    /// Firebell itself, in the role of `part`: it does what it was built to do.
    pub fn system(org: OrgId, part: &str) -> Self {
        Self { org, identity: Identity::system(part), granted: Granted::all(), invited: None }
    }

    /// A person, as their role is now.
    pub fn person(org: OrgId, user: &User) -> Self {
        Self { org, identity: Identity::User(user.id), granted: user.role.grants(), invited: None }
    }

    /// A program that has a key.
    pub fn api_key(org: OrgId, id: ApiKeyId, roles: &[KeyRole]) -> Self {
        let granted = roles.iter().flat_map(|role| role.grants()).copied().collect();
        Self { org, identity: Identity::ApiKey(id), granted, invited: None }
    }

    /// Whoever holds the link in a person's page: that person, who may answer and nothing else.
    pub fn paged(org: OrgId, user: UserId) -> Self {
        let granted = [Permission::Respond].into_iter().collect();
        Self { org, identity: Identity::User(user), granted, invited: None }
    }

    /// The same, in an incident's own channel: whoever was let in there sees it, even if it is private.
    pub fn invited(self, incident: IncidentId) -> Self {
        Self { invited: Some(incident), ..self }
    }

    /// Says whether they were let into an incident's channel.
    pub fn is_invited(&self, incident: IncidentId) -> bool {
        self.invited == Some(incident)
    }

    /// The organisation; nothing of another one is to be had.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The name in the history.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// All that they may do.
    pub fn granted(&self) -> Granted {
        self.granted
    }

    /// Asks for a permission.
    ///
    /// # Errors
    /// [`Forbidden`] if it was not given.
    pub fn may(&self, what: Permission) -> Result<Allowed<'_>, Forbidden> {
        if self.granted.has(what) { Ok(Allowed { actor: self }) } else { Err(Forbidden(what)) }
    }

    /// Asks for the permission to change how somebody is reached; one's own ways need less.
    ///
    /// # Errors
    /// [`Forbidden`] if neither was given.
    pub fn may_reach(&self, user: UserId) -> Result<Allowed<'_>, Forbidden> {
        let own = self.identity == Identity::User(user);
        self.may(if own { Permission::SetOwnMethods } else { Permission::SetMethods })
    }
}

/// The proof that somebody was asked and may.
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

/// What was asked for was not given.
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
