//! One page to one address: claimed, sent, marked; each send is an item with a due time.

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::escalation::Escalation;
use crate::event::Event;
use crate::id::{EscalationId, OrgId, UserId};
use crate::slack::MessageRef;
use crate::trace::Trace;
use crate::user::{MethodType, Urgency, User};

/// The states of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationState {
    /// It is to be sent.
    Pending,
    /// Somebody has claimed it and is sending, until the lease is over.
    Sending,
    /// The provider took it.
    Delivered,
    /// The provider will never take it.
    Failed,
    /// Somebody answered before it was sent.
    Cancelled,
}

impl State for NotificationState {
    const ALL: &'static [Self] =
        &[Self::Pending, Self::Sending, Self::Delivered, Self::Failed, Self::Cancelled];
    const INITIAL: &'static [Self] = &[Self::Pending];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Sending, Self::Cancelled],
            Self::Sending => &[Self::Delivered, Self::Failed, Self::Pending],
            Self::Delivered | Self::Failed | Self::Cancelled => &[],
        }
    }
}

/// A line of a page's own history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// The state that it went to.
    pub to: String,
    /// Why.
    pub why: String,
}

/// How many lines of history an item keeps in itself: the first and the newest.
const MOST_LOG: usize = 16;

/// Adds a line to a history that is kept in its item.
pub(crate) fn remember(log: &mut Vec<LogEntry>, entry: LogEntry) {
    if log.len() == MOST_LOG {
        log.remove(1);
    }
    log.push(entry);
}

/// A page: an escalation notification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Notification {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<NotificationState>,
    /// Its organisation.
    pub org: OrgId,
    /// Its escalation.
    pub escalation: EscalationId,
    /// Its id within the escalation: cycle, level, number.
    pub id: String,
    /// The cycle of the escalation that it belongs to.
    pub cycle: u16,
    /// Whom it is for.
    pub user: UserId,
    /// Its channel.
    pub method_type: MethodType,
    /// The address.
    pub address: String,
    /// What signs it, sealed, where the channel signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// How loudly.
    pub urgency: Urgency,
    /// What it is about.
    pub title: String,
    /// Where to look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Counts the attempts.
    pub attempt: u16,
    /// When it is to be sent, or the claim of whoever sends it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When it was due while it last waited; the index of due items keeps this through a claim.
    pub slot: Timestamp,
    /// Where it stands, if it is a message in Slack: its button goes once nobody is paged any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
    /// Its history.
    #[serde(default)]
    pub log: Vec<LogEntry>,
    /// The trace that it came in.
    pub trace: Trace,
}

impl Stateful for Notification {
    const MACHINE: &'static str = "escalation_notification";
    type State = NotificationState;
    type Event = Event;
    type Note = ();

    fn head(&self) -> Head<NotificationState> {
        self.head
    }

    fn set_head(&mut self, head: Head<NotificationState>) {
        self.head = head;
    }
}

impl Notification {
    /// The level that it belongs to; none if it is for the fallback contact, after every level.
    pub fn level(&self) -> Option<u16> {
        self.id.split('-').nth(1)?.parse().ok()
    }

    /// Whether somebody has it in Slack, or may have it in a moment.
    pub fn is_in_slack(&self) -> bool {
        let arrives = match self.head.state() {
            NotificationState::Sending | NotificationState::Delivered => true,
            NotificationState::Pending | NotificationState::Failed | NotificationState::Cancelled => false,
        };
        arrives && self.method_type == MethodType::Slack
    }
}

/// What is known of a page before it is opened.
#[derive(Debug, Clone)]
pub struct NewNotification {
    /// Its id within the escalation.
    pub id: String,
    /// Whom it is for.
    pub user: UserId,
    /// Its channel.
    pub method_type: MethodType,
    /// The address.
    pub address: String,
    /// What signs it, sealed.
    pub secret: Option<String>,
    /// How loudly.
    pub urgency: Urgency,
    /// When it is to be sent.
    pub due: Timestamp,
}

/// How long a claim lasts: twice what a provider may take.
pub const LEASE: SignedDuration = SignedDuration::from_secs(20);

/// The longest pause between two attempts.
const LONGEST_PAUSE: i64 = 30;

/// The longest pause that a provider may ask for: whoever asks for more is tried all the same.
const LONGEST_ASKED: i64 = 60;

/// How many attempts a page has before a mail stands in for it: about fifteen seconds.
const PATIENCE: u16 = 4;

/// What the id of a page ends with that stands in for another.
const FALLBACK_EMAIL_SUFFIX: &str = "-mail";

/// What a due page means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It is not yet time; it will be then.
    Wait(Timestamp),
    /// It is too early; the sweep will come back to it.
    TooEarly,
    /// Nothing is to be done: sent, called off, or being sent.
    Over,
    /// Send it now.
    Send,
    /// Whoever claimed it did not come back: take it over.
    TakeOver,
}

impl NewNotification {
    /// Opens the page, to be written together with the escalation's transition.
    pub(crate) fn open(self, escalation: &Escalation, at: Timestamp) -> Transition<Notification> {
        let notification = Notification {
            head: Head::stored(NotificationState::Pending, 0),
            org: escalation.org,
            escalation: escalation.id,
            id: self.id,
            cycle: escalation.cycle,
            user: self.user,
            method_type: self.method_type,
            address: self.address,
            secret: self.secret,
            urgency: self.urgency,
            title: escalation.title.clone(),
            url: escalation.url.clone(),
            attempt: 1,
            due: Some(self.due),
            slot: self.due,
            message: None,
            log: Vec::new(),
            trace: escalation.trace.clone(),
        };
        notification.begun(at)
    }
}

impl Notification {
    /// Decides what a due page means now.
    pub fn due(&self, now: Timestamp) -> Due {
        let Some(due) = self.due else { return Due::Over };
        let early = due.duration_since(now);
        match self.head.state() {
            NotificationState::Pending if early > crate::escalation::tick::EARLY => Due::TooEarly,
            NotificationState::Pending if early > SignedDuration::ZERO => Due::Wait(due),
            NotificationState::Pending => Due::Send,
            NotificationState::Sending if early > SignedDuration::ZERO => Due::Over,
            NotificationState::Sending => Due::TakeOver,
            NotificationState::Delivered | NotificationState::Failed | NotificationState::Cancelled => {
                Due::Over
            }
        }
    }

    /// The key by which a provider tells a repeated send from a new one; the same for every attempt.
    pub fn idempotency_key(&self) -> String {
        format!("{}.{}", self.escalation, self.id)
    }

    /// Goes along an edge and writes it down.
    fn go(
        &self,
        to: NotificationState,
        why: &str,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<NotificationState>> {
        let entry = LogEntry { at, to: to.name().to_owned(), why: crate::text::shorten(why, 120) };
        Ok(self.transition_to(to, at)?.with(|notification| {
            remember(&mut notification.log, entry);
            if to.is_final() {
                notification.due = None;
            }
        }))
    }

    /// Claims the page for sending, until the lease is over.
    ///
    /// # Errors
    /// [`Illegal`] if it is not to be sent.
    pub fn claim(&self, at: Timestamp) -> Result<Transition<Self>, Illegal<NotificationState>> {
        Ok(self
            .go(NotificationState::Sending, "claimed", at)?
            .with(|notification| notification.due = Some(at + LEASE)))
    }

    /// Marks that the provider took it.
    ///
    /// # Errors
    /// [`Illegal`] if it was not being sent.
    pub fn delivered(
        &self,
        receipt: &str,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<NotificationState>> {
        self.go(NotificationState::Delivered, receipt, at)
    }

    /// Marks that the provider will never take it.
    ///
    /// # Errors
    /// [`Illegal`] if it was not being sent.
    pub fn failed(&self, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<NotificationState>> {
        self.go(NotificationState::Failed, why, at)
    }

    /// Puts it back, to be sent again after a pause that grows, or the one that the provider `asked` for in seconds,
    /// if it is no longer than a page can wait.
    ///
    /// # Errors
    /// [`Illegal`] if it was not being sent.
    pub fn again(
        &self,
        why: &str,
        asked: Option<u64>,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<NotificationState>> {
        let own = (1_i64 << self.attempt.min(5)).min(LONGEST_PAUSE);
        let asked = asked.and_then(|asked| i64::try_from(asked).ok()).filter(|asked| *asked <= LONGEST_ASKED);
        let pause = asked.map_or(own, |asked| asked.max(1));
        Ok(self
            .go(NotificationState::Pending, why, at)?
            .with(|notification| {
                notification.attempt = notification.attempt.saturating_add(1);
                notification.slot = at + SignedDuration::from_secs(pause);
                notification.due = Some(notification.slot);
            })
            .on_transition(|notification| Event::NotificationDue {
                notification: Box::new(notification.after().clone()),
            }))
    }

    /// Says whether a mail is to stand in for it, as it has just failed, `for_good` or once more.
    pub fn needs_fallback_email(&self, for_good: bool) -> bool {
        (for_good || self.attempt >= PATIENCE) && !self.id.ends_with(FALLBACK_EMAIL_SUFFIX)
    }

    /// The mail that stands in for it, to the address that its person is known by; none if they are mailed anyway.
    pub fn fallback_email(&self, user: &User, at: Timestamp) -> Option<Transition<Self>> {
        let is_own_mail = |kind: MethodType, address: &str| {
            kind == MethodType::Email && address.eq_ignore_ascii_case(&user.email)
        };
        let mut mailed = user.reached_by(self.urgency).into_iter();
        if is_own_mail(self.method_type, &self.address)
            || mailed.any(|(delay, method)| delay == 0 && is_own_mail(method.method_type, &method.address))
        {
            return None;
        }
        let notification = Self {
            head: Head::stored(NotificationState::Pending, 0),
            id: format!("{}{FALLBACK_EMAIL_SUFFIX}", self.id),
            method_type: MethodType::Email,
            address: user.email.clone(),
            secret: None,
            attempt: 1,
            due: Some(at),
            slot: at,
            message: None,
            log: Vec::new(),
            ..self.clone()
        };
        Some(notification.begun(at))
    }

    /// Begins to wait until it is due.
    fn begun(self, at: Timestamp) -> Transition<Self> {
        self.born(NotificationState::Pending, at).expect("a page may be born pending").on_transition(
            |notification| Event::NotificationDue { notification: Box::new(notification.after().clone()) },
        )
    }

    /// Takes it back from a claim whose lease is over, to be sent at once.
    ///
    /// # Errors
    /// [`Illegal`] if it was not being sent.
    pub fn take_over(&self, at: Timestamp) -> Result<Transition<Self>, Illegal<NotificationState>> {
        Ok(self.go(NotificationState::Pending, "the claim's lease is over", at)?.with(|notification| {
            notification.attempt = notification.attempt.saturating_add(1);
            notification.due = Some(at);
        }))
    }

    /// Calls it off: somebody answered.
    ///
    /// # Errors
    /// [`Illegal`] if it is being sent, or over.
    pub fn cancel(&self, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<NotificationState>> {
        self.go(NotificationState::Cancelled, why, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_is_given_the_pause_that_it_asks_for_unless_a_page_cannot_wait_so_long() {
        let notification = Notification {
            head: Head::stored(NotificationState::Sending, 2),
            org: OrgId::new(Timestamp::UNIX_EPOCH, 1),
            escalation: EscalationId::new(Timestamp::UNIX_EPOCH, 2),
            id: "1.1.1".to_owned(),
            cycle: 1,
            user: UserId::new(Timestamp::UNIX_EPOCH, 3),
            method_type: MethodType::Webhook,
            address: "https://hooks.example.com/".to_owned(),
            secret: None,
            urgency: Urgency::High,
            title: "T".to_owned(),
            url: None,
            attempt: 1,
            due: None,
            slot: Timestamp::UNIX_EPOCH,
            message: None,
            log: Vec::new(),
            trace: Trace::begin(1),
        };
        for (asked, pause) in
            [(None, 2), (Some(17), 17), (Some(0), 1), (Some(60), 60), (Some(61), 2), (Some(u64::MAX), 2)]
        {
            let again = notification.again("busy", asked, Timestamp::UNIX_EPOCH).unwrap();

            assert_eq!(again.after().due.unwrap().as_second(), pause, "{asked:?}");
        }
    }

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<NotificationState>();
    }
}
