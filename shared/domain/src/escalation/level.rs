//! A level: who is paged, how, and until when.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, Stateful, Transition};

use super::tick::Step;
use super::{Escalation, EscalationState, Plan};
use crate::Identity;
use crate::event::Event;
use crate::id::{AlertId, EscalationId, IncidentId, OrgId, UserId};
use crate::page::NewPage;
use crate::path::{AckMode, DEFAULT_ACK_SECONDS, Level, MOST_PAGES, Path, Target};
use crate::trace::Trace;
use crate::user::{Urgency, User};

/// The people whom levels name, and the one who is paged when in doubt.
#[derive(Debug, Clone, Default)]
pub struct Staff {
    /// The people, by id; somebody who has left is missing.
    pub users: BTreeMap<UserId, User>,
    /// The fallback contact.
    pub fallback: Option<UserId>,
}

/// The levels of a plan.
pub fn levels_of(plan: &Plan, path: Option<&Path>, staff: &Staff) -> Vec<Level> {
    let all_at_once = |users: &[UserId]| {
        let targets = users.iter().map(|&user| Target { user, urgency: Urgency::High }).collect();
        vec![Level { targets, ack_seconds: DEFAULT_ACK_SECONDS, ack_mode: AckMode::First }]
    };
    let levels = match plan {
        Plan::Path { .. } => path.map(|path| path.levels.clone()).unwrap_or_default(),
        Plan::Users(users) => all_at_once(users),
        Plan::Fallback => Vec::new(),
    };
    if levels.is_empty() { all_at_once(staff.fallback.as_slice()) } else { levels }
}

/// The pages of one level; the fallback contact's if it would page nobody.
pub(super) fn pages(escalation: &Escalation, level: &Level, staff: &Staff, at: Timestamp) -> Vec<NewPage> {
    let mut pages = Vec::new();
    for target in &level.targets {
        let Some(user) = staff.users.get(&target.user) else { continue };
        pages.extend(pages_to(user, target.urgency, at));
    }
    if pages.is_empty() {
        pages = fallback_pages(staff, at);
    }
    pages.truncate(MOST_PAGES);
    for (n, page) in pages.iter_mut().enumerate() {
        page.id = format!("{:03}-{:03}-{n:02}", escalation.cycle, escalation.level);
    }
    pages
}

/// The pages to the fallback contact.
pub(super) fn fallback_pages(staff: &Staff, at: Timestamp) -> Vec<NewPage> {
    let fallback = staff.fallback.and_then(|id| staff.users.get(&id));
    fallback.map(|user| pages_to(user, Urgency::High, at)).unwrap_or_default()
}

/// One page for each of a person's rules.
fn pages_to(user: &User, urgency: Urgency, at: Timestamp) -> Vec<NewPage> {
    user.reached_by(urgency)
        .into_iter()
        .map(|(delay, method)| NewPage {
            id: String::new(),
            user: user.id,
            method_type: method.method_type,
            address: method.address.clone(),
            urgency,
            due: at + SignedDuration::from_secs(i64::from(delay)),
        })
        .collect()
}

/// What is known of an escalation before it begins.
#[derive(Debug, Clone)]
pub struct NewEscalation {
    /// Its organisation.
    pub org: OrgId,
    /// Its id.
    pub id: EscalationId,
    /// What it is about.
    pub title: String,
    /// Where to look at it.
    pub url: Option<String>,
    /// Whom it pages.
    pub plan: Plan,
    /// The alert.
    pub alert: Option<AlertId>,
    /// The group of alerts.
    pub group: Option<AlertId>,
    /// The incident.
    pub incident: Option<IncidentId>,
    /// Whether Slack follows its incident.
    pub followed: bool,
    /// Whether it is over once its alerts are.
    pub auto_cancel: bool,
    /// Who begins it.
    pub creator: Identity,
    /// The trace.
    pub trace: Trace,
}

/// Why an escalation begins at its first level.
const OPENED: &str = "opened";

impl NewEscalation {
    /// The escalation before it is anything.
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
            followed: self.followed,
            auto_cancel: self.auto_cancel,
            creator: self.creator,
            created_at: at,
            updated_at: at,
            trace: self.trace,
        }
    }

    /// Begins with the first level paged, in the same write.
    ///
    /// # Errors
    /// Never; an escalation may be born triggered.
    pub fn triggered(
        self,
        levels: &[Level],
        staff: &Staff,
        at: Timestamp,
    ) -> Result<Step, Illegal<EscalationState>> {
        let by = self.creator.to_string();
        let unborn = self.unborn(at);
        let new = unborn.born(EscalationState::Triggered, at)?.because(by, OPENED);
        Ok(staffed(new, levels, staff, at))
    }

    /// Begins by waiting until now: the next tick pages the first level.
    ///
    /// # Errors
    /// Never; an escalation may be born pending.
    pub fn pending(self, at: Timestamp) -> Result<Transition<Escalation>, Illegal<EscalationState>> {
        let by = self.creator.to_string();
        let new = self.unborn(at).born(EscalationState::Pending, at)?.because(by, OPENED);
        Ok(new.with(|escalation| escalation.due = Some(at)).on_transition(timer))
    }
}

/// The event of a level that has been paged.
fn timer(transition: &Transition<Escalation>) -> Event {
    let escalation = transition.after();
    Event::EscalationTriggered { org: escalation.org, escalation: escalation.id, due: escalation.due }
}

/// Sets the level's time and makes its pages.
pub(super) fn staffed(
    transition: Transition<Escalation>,
    levels: &[Level],
    staff: &Staff,
    at: Timestamp,
) -> Step {
    let index = usize::from(transition.after().level);
    let level = levels.get(index).cloned().unwrap_or_else(|| Level {
        targets: Vec::new(),
        ack_seconds: DEFAULT_ACK_SECONDS,
        ack_mode: AckMode::First,
    });
    let pages = pages(transition.after(), &level, staff, at);
    let transition = transition
        .with(|escalation| {
            escalation.due = Some(at + SignedDuration::from_secs(i64::from(level.ack_seconds)));
            escalation.updated_at = at;
        })
        .on_transition(timer);
    let pages = pages.into_iter().map(|page| page.open(transition.after(), at)).collect();
    (transition, pages)
}
