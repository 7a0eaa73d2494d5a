//! The timeline of an incident: everything that happened to it and its alerts and escalations, in one order.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::change::{ChangeNote, Changed};
use super::{Incident, Milestone};
use crate::Identity;
use crate::alert::AlertState;
use crate::escalation::EscalationState;
use crate::id::{AlertId, EscalationId, RoleId, SeverityId, StatusId, UserId};

/// A value before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeforeAfter<T> {
    /// The old value; `None` if there was none.
    pub before: Option<T>,
    /// The new value; `None` if it was removed.
    pub after: Option<T>,
}

/// A field that changed, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldChange {
    /// Its name.
    Name(BeforeAfter<String>),
    /// The summary.
    Summary(BeforeAfter<String>),
    /// The severity.
    Severity(BeforeAfter<SeverityId>),
    /// The status.
    Status(BeforeAfter<StatusId>),
    /// The person in a role.
    Role(RoleId, BeforeAfter<UserId>),
    /// When a milestone was reached.
    Milestone(Milestone, BeforeAfter<Timestamp>),
    /// A pinned message.
    Pinned {
        /// The text.
        text: String,
        /// The author.
        author: Option<String>,
    },
}

/// The values of an incident when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialValues {
    /// Its name.
    pub name: String,
    /// The severity.
    pub severity: Option<SeverityId>,
    /// The status.
    pub status: StatusId,
    /// The people in roles.
    pub roles: BTreeMap<RoleId, UserId>,
}

/// An event in a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimelineEvent {
    /// An alert of the incident fired or was resolved.
    Alert {
        /// The alert.
        alert: AlertId,
        /// The new state.
        state: AlertState,
    },
    /// The incident was opened.
    Opened(InitialValues),
    /// An escalation of the incident changed.
    Escalation {
        /// The escalation.
        escalation: EscalationId,
        /// The new state.
        state: EscalationState,
        /// The level that was notified, if any.
        level: Option<u16>,
        /// The reason in its history.
        why: String,
    },
    /// The incident was changed, or an update was shared.
    Changed {
        /// The message.
        message: Option<String>,
        /// The fields that changed.
        differences: Vec<FieldChange>,
    },
}

/// An entry of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// Who caused it; `None` if that is no longer known.
    pub by: Option<Identity>,
    /// What.
    pub what: TimelineEvent,
}

impl TimelineEvent {
    /// The order of events at the same time: causes come before their effects.
    const fn rank(&self) -> u8 {
        match self {
            Self::Alert { .. } => 0,
            Self::Opened(_) => 1,
            Self::Escalation { .. } => 2,
            Self::Changed { .. } => 3,
        }
    }
}

/// Sorts entries, oldest first. Entries of one history keep their order.
pub fn ordered(mut entries: Vec<TimelineEntry>) -> Vec<TimelineEntry> {
    entries.sort_by_key(|entry| (entry.at, entry.what.rank()));
    entries
}

/// Says whether two changes concern the same field.
fn is_same_thing(one: &Changed, other: &Changed) -> bool {
    match (one, other) {
        (Changed::Role { role, .. }, Changed::Role { role: other, .. }) => role == other,
        (Changed::Milestone { milestone, .. }, Changed::Milestone { milestone: other, .. }) => {
            milestone == other
        }
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// A text; `None` if it is empty.
fn said(text: &str) -> Option<String> {
    crate::text::present(Some(text.to_owned()))
}

impl Incident {
    /// The current values of the fields that are about to change.
    pub(super) fn before(&self, changed: &[Changed]) -> Vec<Changed> {
        let was = changed.iter().filter_map(|changed| {
            Some(match changed {
                Changed::Name(_) => Changed::Name(self.title.clone()),
                Changed::Summary(_) => Changed::Summary(self.summary.clone()?),
                Changed::Severity(_) => Changed::Severity(self.severity?),
                Changed::Status(_) => Changed::Status(self.status()),
                Changed::Role { role, .. } => {
                    Changed::Role { role: *role, user: Some(*self.roles.get(role)?) }
                }
                Changed::Milestone { milestone, .. } => {
                    let at = Some(*self.milestones.get(milestone)?);
                    Changed::Milestone { milestone: *milestone, at }
                }
                Changed::Pinned { .. } => return None,
            })
        });
        was.collect()
    }

    /// The values at the opening, computed backwards from the current ones. `notes` is the whole history, newest first.
    pub fn beginning<'a>(&self, notes: impl IntoIterator<Item = &'a ChangeNote>) -> InitialValues {
        let mut began = InitialValues {
            name: self.title.clone(),
            severity: self.severity,
            status: self.status(),
            roles: self.roles.clone(),
        };
        for difference in notes.into_iter().flat_map(ChangeNote::differences) {
            match difference {
                FieldChange::Name(name) => began.name = name.before.unwrap_or_default(),
                FieldChange::Severity(severity) => began.severity = severity.before,
                FieldChange::Status(status) => began.status = status.before.unwrap_or(began.status),
                FieldChange::Role(role, user) => {
                    match user.before {
                        Some(user) => began.roles.insert(role, user),
                        None => began.roles.remove(&role),
                    };
                }
                FieldChange::Summary(_) | FieldChange::Milestone(..) | FieldChange::Pinned { .. } => {}
            }
        }
        began
    }
}

impl ChangeNote {
    /// What changed, before and after.
    pub fn differences(&self) -> Vec<FieldChange> {
        self.changed.iter().map(|changed| self.difference(changed)).collect()
    }

    fn difference(&self, changed: &Changed) -> FieldChange {
        let was = self.was.iter().find(|was| is_same_thing(was, changed));
        match changed {
            Changed::Name(after) => {
                let before =
                    was.and_then(|was| if let Changed::Name(text) = was { said(text) } else { None });
                FieldChange::Name(BeforeAfter { before, after: said(after) })
            }
            Changed::Summary(after) => {
                let before =
                    was.and_then(|was| if let Changed::Summary(text) = was { said(text) } else { None });
                FieldChange::Summary(BeforeAfter { before, after: said(after) })
            }
            Changed::Severity(after) => {
                let before =
                    was.and_then(|was| if let Changed::Severity(id) = was { Some(*id) } else { None });
                FieldChange::Severity(BeforeAfter { before, after: Some(*after) })
            }
            Changed::Status(after) => {
                let before = was.and_then(|was| if let Changed::Status(id) = was { Some(*id) } else { None });
                FieldChange::Status(BeforeAfter { before, after: Some(*after) })
            }
            Changed::Role { role, user } => {
                let before =
                    was.and_then(|was| if let Changed::Role { user, .. } = was { *user } else { None });
                FieldChange::Role(*role, BeforeAfter { before, after: *user })
            }
            Changed::Milestone { milestone, at } => {
                let before =
                    was.and_then(|was| if let Changed::Milestone { at, .. } = was { *at } else { None });
                FieldChange::Milestone(*milestone, BeforeAfter { before, after: *at })
            }
            Changed::Pinned { text, author } => {
                FieldChange::Pinned { text: text.clone(), author: author.clone() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, IncidentState, Status};
    use super::*;
    use crate::id::{IncidentId, OrgId};
    use crate::trace::Trace;
    use machine::Head;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + n).unwrap()
    }

    fn incident() -> Incident {
        Incident {
            head: Head::stored(IncidentState::Active, 1),
            org: OrgId::new(second(0), 1),
            id: IncidentId::new(second(0), 2),
            number: 1,
            title: "Disk full".to_owned(),
            summary: None,
            visibility: super::super::Visibility::Public,
            severity: None,
            status: None,
            roles: BTreeMap::new(),
            milestones: BTreeMap::new(),
            creator: Identity::system("test"),
            alert: None,
            followers: crate::followers::Followers::default(),
            created_at: second(0),
            updated_at: second(0),
            trace: Trace::begin(7),
        }
    }

    /// Changes an incident and says what its history keeps of that.
    fn change(incident: &mut Incident, change: &Change, now: Timestamp) -> ChangeNote {
        let step = incident.change(change, &Identity::system("test"), now).unwrap().unwrap();
        let parts = step.into_parts();
        *incident = parts.after;
        parts.note.unwrap()
    }

    #[test]
    fn change_says_what_was_before_and_what_is_after() {
        let mut incident = incident();
        let (minor, major) = (SeverityId::new(second(0), 1), SeverityId::new(second(0), 2));
        let (lead, ada, grace) =
            (RoleId::new(second(0), 3), UserId::new(second(0), 4), UserId::new(second(0), 5));
        let active = Status::default_id(incident.org, IncidentState::Active);
        let closed = Status::default_id(incident.org, IncidentState::Closed);

        let first = Change { severity: Some(minor), roles: vec![(lead, Some(ada))], ..Change::default() };
        let first = change(&mut incident, &first, second(1));
        let second_change = Change {
            name: Some("Disk of db-1 full".to_owned()),
            severity: Some(major),
            status: Some((closed, IncidentState::Closed)),
            roles: vec![(lead, Some(grace))],
            ..Change::default()
        };
        let then = change(&mut incident, &second_change, second(2));

        assert_eq!(
            first.differences(),
            [
                FieldChange::Severity(BeforeAfter { before: None, after: Some(minor) }),
                FieldChange::Role(lead, BeforeAfter { before: None, after: Some(ada) }),
            ]
        );
        assert_eq!(
            then.differences(),
            [
                FieldChange::Name(BeforeAfter {
                    before: Some("Disk full".to_owned()),
                    after: Some("Disk of db-1 full".to_owned())
                }),
                FieldChange::Severity(BeforeAfter { before: Some(minor), after: Some(major) }),
                FieldChange::Status(BeforeAfter { before: Some(active), after: Some(closed) }),
                FieldChange::Role(lead, BeforeAfter { before: Some(ada), after: Some(grace) }),
            ]
        );
        let began = incident.beginning([&then, &first]);
        let expected = InitialValues {
            name: "Disk full".to_owned(),
            severity: None,
            status: active,
            roles: BTreeMap::new(),
        };
        assert_eq!(began, expected);
    }

    #[test]
    fn row_of_an_older_version_says_what_is_after_alone() {
        let severity = SeverityId::new(second(0), 1);
        let status = Status::default_id(incident().org, IncidentState::Active);
        let row = serde_json::json!({ "status": status, "changed": [{ "severity": severity }] });

        let note: ChangeNote = serde_json::from_value(row).unwrap();

        let after = FieldChange::Severity(BeforeAfter { before: None, after: Some(severity) });
        assert_eq!(note.differences(), [after]);
    }

    #[test]
    fn causes_stand_before_what_they_caused_and_histories_keep_their_order() {
        let (alert, escalation) = (AlertId::new(second(0), 1), EscalationId::new(second(0), 2));
        let told = |message: &str| TimelineEvent::Changed {
            message: Some(message.to_owned()),
            differences: Vec::new(),
        };
        let paged = |level| TimelineEvent::Escalation {
            escalation,
            state: EscalationState::Triggered,
            level: Some(level),
            why: String::new(),
        };
        let opened = TimelineEvent::Opened(incident().beginning([]));
        let fired = TimelineEvent::Alert { alert, state: AlertState::Firing };
        let happened = [
            (0, opened.clone()),
            (5, told("one")),
            (5, told("two")),
            (0, paged(0)),
            (5, paged(1)),
            (0, fired.clone()),
        ];
        let entries =
            happened.into_iter().map(|(at, what)| TimelineEntry { at: second(at), by: None, what }).collect();

        let ordered: Vec<TimelineEvent> = ordered(entries).into_iter().map(|entry| entry.what).collect();

        assert_eq!(ordered, [fired, opened, paged(0), paged(1), told("one"), told("two")]);
    }
}
