//! The levels of an escalation: who is notified, how, and for how long.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, Stateful, Transition};

use super::{Escalation, EscalationState, PathRef};
use crate::Identity;
use crate::escalation_path::{AckMode, DEFAULT_ACK_SECONDS, Level, MAX_NOTIFICATIONS, Path, Target};
use crate::followers::Followers;
use crate::id::{AlertId, EscalationId, IncidentId, OrgId, UserId};
use crate::job::due::due_at;
use crate::job::lease::Attempts;
use crate::notification::{NewNotification, Notification, NotificationState};
use crate::trace::Trace;
use crate::user::{MethodType, Urgency, User};

/// A transition of an escalation with its notifications.
pub type EscalationStep = (Transition<Escalation>, Vec<Transition<Notification>>);

/// The people whom the levels name, and the fallback contact.
#[derive(Debug, Clone, Default)]
pub struct Responders {
    /// The people by id; removed people are missing.
    pub users: BTreeMap<UserId, User>,
    /// The fallback contact.
    pub fallback: Option<UserId>,
}

/// The levels of a path or of people.
pub fn levels_of(plan: &PathRef, path: Option<&Path>, staff: &Responders) -> Vec<Level> {
    let all_at_once = |users: &[UserId]| {
        let targets = users.iter().map(|&user| Target { user, urgency: Urgency::High }).collect();
        vec![Level { targets, ack_seconds: DEFAULT_ACK_SECONDS, ack_mode: AckMode::First }]
    };
    let levels = match plan {
        PathRef::Path { .. } => path.map(|path| path.levels.clone()).unwrap_or_default(),
        PathRef::Users(users) => all_at_once(users),
        PathRef::Fallback => Vec::new(),
    };
    if levels.is_empty() { all_at_once(staff.fallback.as_slice()) } else { levels }
}

/// The first level from `from` on in which somebody can be notified. If there is no such level, it is the last one, and
/// its notifications go to the fallback contact.
pub(super) fn staffed_from(levels: &[Level], staff: &Responders, from: u16) -> u16 {
    let is_reached = |target: &Target| {
        staff.users.get(&target.user).is_some_and(|user| !user.reached_by(target.urgency).is_empty())
    };
    let has_people = |level: &usize| levels[*level].targets.iter().any(is_reached);
    let last = levels.len().saturating_sub(1);
    let found = (usize::from(from)..levels.len()).find(has_people).unwrap_or(last);
    u16::try_from(found).unwrap_or(u16::MAX).max(from)
}

/// The reason in the history for a level that is notified.
pub(super) fn level_notified(level: u16) -> String {
    format!("level {} notified", level + 1)
}

/// The level that a reason in the history names, from 0 on.
pub fn notified_level(why: &str) -> Option<u16> {
    let (_, rest) = why.split_once("level ")?;
    let (number, _) = rest.split_once(" notified")?;
    number.parse::<u16>().ok()?.checked_sub(1)
}

/// The notifications of a level; the fallback contact's if the level has none.
pub(super) fn notifications(
    escalation: &Escalation,
    level: &Level,
    staff: &Responders,
    at: Timestamp,
) -> Vec<NewNotification> {
    let mut people = Vec::new();
    for target in each_once(&level.targets) {
        let Some(user) = staff.users.get(&target.user) else { continue };
        people.push(pages_to(user, target.urgency, at));
    }
    let mut notifications = within_bounds(people);
    if notifications.is_empty() {
        notifications = fallback_notifications(staff, at);
    }
    for (n, notification) in notifications.iter_mut().enumerate() {
        notification.id = format!("{:03}-{:03}-{n:02}", escalation.cycle, escalation.level);
    }
    notifications
}

/// Each person once, with their highest urgency.
fn each_once(targets: &[Target]) -> Vec<Target> {
    let mut once: Vec<Target> = Vec::new();
    for target in targets {
        match once.iter_mut().find(|known| known.user == target.user) {
            Some(known) if target.urgency == Urgency::High => known.urgency = Urgency::High,
            Some(_) => {}
            None => once.push(*target),
        }
    }
    once
}

/// The notifications of these people. If there are too many, the later ones of each person are left out, but no person
/// is.
fn within_bounds(people: Vec<Vec<NewNotification>>) -> Vec<NewNotification> {
    let ranked = people.into_iter().flat_map(|notifications| notifications.into_iter().enumerate());
    let mut ranked: Vec<(usize, NewNotification)> = ranked.collect();
    if ranked.len() > MAX_NOTIFICATIONS {
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.truncate(MAX_NOTIFICATIONS);
    }
    ranked.into_iter().map(|(_, notification)| notification).collect()
}

/// The notifications of the fallback contact. Without any method they get an email to the address of their account.
pub(super) fn fallback_notifications(staff: &Responders, at: Timestamp) -> Vec<NewNotification> {
    let Some(user) = staff.fallback.and_then(|id| staff.users.get(&id)) else { return Vec::new() };
    let mut notifications = pages_to(user, Urgency::High, at);
    if notifications.is_empty() {
        notifications.push(NewNotification {
            id: String::new(),
            user: user.id,
            method_type: MethodType::Email,
            address: user.email.clone(),
            secret: None,
            urgency: Urgency::High,
            due: at,
        });
    }
    within_bounds(vec![notifications])
}

/// One notification for each rule of a person.
fn pages_to(user: &User, urgency: Urgency, at: Timestamp) -> Vec<NewNotification> {
    user.reached_by(urgency)
        .into_iter()
        .map(|(delay, method)| NewNotification {
            id: String::new(),
            user: user.id,
            method_type: method.method_type,
            address: method.address.clone(),
            secret: method.secret.clone(),
            urgency,
            due: at + SignedDuration::from_secs(i64::from(delay)),
        })
        .collect()
}

/// A new escalation.
#[derive(Debug, Clone)]
pub struct NewEscalation {
    /// Its organisation.
    pub org: OrgId,
    /// Its id.
    pub id: EscalationId,
    /// The title.
    pub title: String,
    /// A link to what it is about.
    pub url: Option<String>,
    /// The path or people that it runs.
    pub plan: PathRef,
    /// The alert.
    pub alert: Option<AlertId>,
    /// The group of alerts.
    pub group: Option<AlertId>,
    /// The incident.
    pub incident: Option<IncidentId>,
    /// The subscribers that follow it.
    pub followers: Followers,
    /// Whether it ends when its alerts are resolved.
    pub auto_cancel: bool,
    /// Who starts it.
    pub creator: Identity,
    /// The trace.
    pub trace: Trace,
}

/// The reason in the history of a new escalation.
const OPENED: &str = "opened";

impl NewEscalation {
    /// The escalation before its first transition.
    fn unborn(self, at: Timestamp) -> Escalation {
        Escalation {
            head: Head::stored(EscalationState::Pending, 0),
            org: self.org,
            id: self.id,
            title: crate::text::shorten(&self.title, crate::alert::TITLE_BYTES),
            description: None,
            url: self.url.filter(|url| url.len() <= 300),
            plan: self.plan,
            level: 0,
            cycle: 0,
            due: None,
            alert: self.alert,
            group: self.group,
            incident: self.incident,
            followers: self.followers,
            auto_cancel: self.auto_cancel,
            creator: self.creator,
            created_at: at,
            updated_at: at,
            trace: self.trace,
        }
    }

    /// Starts with the first level notified, in the same write.
    ///
    /// # Errors
    /// Never; an escalation may be born triggered.
    pub fn triggered(
        self,
        levels: &[Level],
        staff: &Responders,
        at: Timestamp,
    ) -> Result<EscalationStep, Illegal<EscalationState>> {
        let by = self.creator.to_string();
        let unborn = self.unborn(at);
        let level = staffed_from(levels, staff, 0);
        let why = if level == 0 { OPENED.to_owned() } else { level_notified(level) };
        let new = unborn.born(EscalationState::Triggered, at)?.because(by, why);
        Ok(staffed(new.with(|escalation| escalation.level = level), levels, staff, at))
    }

    /// Starts pending: the next tick, which is due now, notifies the first level.
    ///
    /// # Errors
    /// Never; an escalation may be born pending.
    pub fn pending(self, at: Timestamp) -> Result<Transition<Escalation>, Illegal<EscalationState>> {
        let by = self.creator.to_string();
        let new = self.unborn(at).born(EscalationState::Pending, at)?.because(by, OPENED);
        Ok(due_at(new, at))
    }
}

/// Begins a notification of an escalation, to be written together with the escalation's transition.
pub(super) fn open(new: NewNotification, escalation: &Escalation, at: Timestamp) -> Transition<Notification> {
    let due = new.due;
    let notification = Notification {
        head: Head::stored(NotificationState::Pending, 0),
        org: escalation.org,
        escalation: escalation.id,
        id: new.id,
        cycle: escalation.cycle,
        user: new.user,
        method_type: new.method_type,
        address: new.address,
        secret: new.secret,
        urgency: new.urgency,
        title: escalation.title.clone(),
        url: escalation.url.clone(),
        attempts: Attempts::first(due),
        message: None,
        trace: escalation.trace.clone(),
    };
    notification.begin(due, at)
}

/// Sets the timer of the level and makes its notifications.
pub(super) fn staffed(
    transition: Transition<Escalation>,
    levels: &[Level],
    staff: &Responders,
    at: Timestamp,
) -> EscalationStep {
    let index = usize::from(transition.after().level);
    let level = levels.get(index).cloned().unwrap_or_else(|| Level {
        targets: Vec::new(),
        ack_seconds: DEFAULT_ACK_SECONDS,
        ack_mode: AckMode::First,
    });
    let notifications = notifications(transition.after(), &level, staff, at);
    let transition = transition.with(|escalation| escalation.updated_at = at);
    let transition = due_at(transition, at + SignedDuration::from_secs(i64::from(level.ack_seconds)));
    let notifications = notifications.into_iter().map(|new| open(new, transition.after(), at)).collect();
    (transition, notifications)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::MethodId;
    use crate::user::{NotificationMethod, Role};

    #[test]
    fn level_in_which_there_is_nobody_is_skipped() {
        let at = Timestamp::UNIX_EPOCH;
        let user = |n: u128| User {
            id: UserId::new(at, n),
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
            role: Role::Responder,
            methods: vec![NotificationMethod {
                id: MethodId::new(at, n),
                method_type: MethodType::Email,
                address: "ada@example.com".to_owned(),
                secret: None,
            }],
            rules: vec![],
            version: 1,
        };
        let level = |users: &[u128]| Level {
            targets: users
                .iter()
                .map(|n| Target { user: UserId::new(at, *n), urgency: Urgency::High })
                .collect(),
            ack_seconds: 3600,
            ack_mode: AckMode::First,
        };
        let staff = Responders { fallback: None, users: BTreeMap::from([(UserId::new(at, 1), user(1))]) };
        let from = |levels: &[Level], from: u16| staffed_from(levels, &staff, from);

        assert_eq!(from(&[level(&[1]), level(&[1])], 0), 0);
        assert_eq!(from(&[level(&[]), level(&[2]), level(&[2, 1])], 0), 2);
        assert_eq!(from(&[level(&[1]), level(&[2]), level(&[1])], 1), 2);
        assert_eq!(
            from(&[level(&[1]), level(&[2]), level(&[])], 1),
            2,
            "the fallback contact is notified once"
        );
        assert_eq!(from(&[level(&[])], 0), 0);
        assert_eq!(notified_level(&level_notified(2)), Some(2));
        assert_eq!(notified_level("opened"), None);
    }

    #[test]
    fn fallback_contact_without_any_method_is_mailed_at_the_address_they_are_known_by() {
        let user = User {
            id: UserId::new(Timestamp::UNIX_EPOCH, 1),
            name: "Olive".to_owned(),
            email: "olive@example.com".to_owned(),
            role: Role::Owner,
            methods: vec![],
            rules: vec![],
            version: 1,
        };
        let staff = Responders { fallback: Some(user.id), users: BTreeMap::from([(user.id, user)]) };

        let notifications = fallback_notifications(&staff, Timestamp::UNIX_EPOCH);

        assert_eq!(
            notifications
                .iter()
                .map(|notification| (notification.method_type, &*notification.address))
                .collect::<Vec<_>>(),
            [(MethodType::Email, "olive@example.com")]
        );
    }
}
