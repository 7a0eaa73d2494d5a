//! A notification: one message to one person by one method.

use jiff::Timestamp;
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::{EscalationId, OrgId, UserId};
use crate::job::due::{Scheduled, due_at};
use crate::job::lease::{Attempts, Leased};
use crate::job::{Job, JobKind, NotificationJob};
use crate::slack::MessageRef;
use crate::trace::Trace;
use crate::user::{MethodType, Urgency, User};

/// The states of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum NotificationState {
    /// It waits until it is sent.
    Pending,
    /// A worker has claimed it and sends it.
    Sending,
    /// The provider accepted it.
    Delivered,
    /// The provider refused it permanently.
    Failed,
    /// Somebody acknowledged the escalation, or it ended, before the notification was sent.
    Cancelled,
}

impl State for NotificationState {
    const INITIAL: &'static [Self] = &[Self::Pending];

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Sending, Self::Cancelled],
            // It is cancelled from here if the lease of its worker ended and somebody has acknowledged meanwhile.
            Self::Sending => &[Self::Delivered, Self::Failed, Self::Pending, Self::Cancelled],
            Self::Delivered | Self::Failed | Self::Cancelled => &[],
        }
    }
}

/// A notification of an escalation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Notification {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<NotificationState>,
    /// The organisation.
    pub org: OrgId,
    /// The escalation.
    pub escalation: EscalationId,
    /// The id within the escalation: cycle, level, number.
    pub id: String,
    /// The cycle of the escalation that it belongs to.
    pub cycle: u16,
    /// The person.
    pub user: UserId,
    /// The kind of method.
    pub method_type: MethodType,
    /// The address.
    pub address: String,
    /// The sealed secret that signs the message, if the channel signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The urgency.
    pub urgency: Urgency,
    /// The title of the escalation.
    pub title: String,
    /// The address at which the person can look at the alert or incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The attempts to send it.
    #[serde(flatten)]
    pub attempts: Attempts,
    /// The message in Slack, if it was sent there: its button goes once the escalation notifies nobody any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
    /// The trace that it belongs to.
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

impl Scheduled for Notification {
    const KIND: JobKind = JobKind::Notification;

    fn job(&self) -> Job {
        let (org, escalation, notification) = (self.org, self.escalation, self.id.clone());
        NotificationJob::Notification { org, escalation, notification }.into()
    }

    fn set_due(&mut self, at: Option<Timestamp>) {
        self.attempts.wait_until(at);
    }
}

impl Leased for Notification {
    const WAITING: NotificationState = NotificationState::Pending;
    const HELD: NotificationState = NotificationState::Sending;

    fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    fn attempts_mut(&mut self) -> &mut Attempts {
        &mut self.attempts
    }
}

/// The data of a notification before it is opened.
#[derive(Debug, Clone)]
pub struct NewNotification {
    /// Its id within the escalation.
    pub id: String,
    /// The person.
    pub user: UserId,
    /// The kind of method.
    pub method_type: MethodType,
    /// The address.
    pub address: String,
    /// The sealed secret that signs the message.
    pub secret: Option<String>,
    /// The urgency.
    pub urgency: Urgency,
    /// When it is to be sent.
    pub due: Timestamp,
}

/// How many attempts a notification has before a fallback email is sent: about fifteen seconds.
const PATIENCE: u16 = 4;

/// The end of the id of a fallback email.
const FALLBACK_EMAIL_SUFFIX: &str = "-mail";

impl Notification {
    /// The level that it belongs to; `None` if it is for the fallback contact, after every level.
    pub fn level(&self) -> Option<u16> {
        self.id.split('-').nth(1)?.parse().ok()
    }

    /// The key by which a provider recognises a repeated attempt; it is the same for every attempt.
    pub fn idempotency_key(&self) -> String {
        format!("{}.{}", self.escalation, self.id)
    }

    /// Begins to wait until it is due.
    pub(crate) fn begin(self, due: Timestamp, at: Timestamp) -> Transition<Self> {
        due_at(self.born(NotificationState::Pending, at).expect("a notification begins as pending"), due)
    }

    /// Marks that the provider accepted it.
    ///
    /// # Errors
    /// [`Illegal`] if no worker was sending it.
    pub fn delivered(
        &self,
        receipt: &str,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<NotificationState>> {
        self.go(NotificationState::Delivered, receipt, at)
    }

    /// Marks that the provider refused it permanently.
    ///
    /// # Errors
    /// [`Illegal`] if no worker was sending it.
    pub fn failed(&self, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<NotificationState>> {
        self.go(NotificationState::Failed, why, at)
    }

    /// Cancels it, because somebody acknowledged the escalation or it ended.
    ///
    /// # Errors
    /// [`Illegal`] if it was delivered, has failed, or is cancelled already.
    pub fn cancel(&self, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<NotificationState>> {
        self.go(NotificationState::Cancelled, why, at)
    }

    /// Returns whether a fallback email is sent after an attempt failed, permanently or once more.
    pub fn needs_fallback_email(&self, permanently: bool) -> bool {
        (permanently || self.attempts.attempt >= PATIENCE) && !self.id.ends_with(FALLBACK_EMAIL_SUFFIX)
    }

    /// The fallback email, to the address that the person signs in with; `None` if they get an email anyway.
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
            attempts: Attempts::first(at),
            message: None,
            ..self.clone()
        };
        Some(notification.begin(at, at))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

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
            attempts: Attempts::first(Timestamp::UNIX_EPOCH),
            message: None,
            trace: Trace::begin(1),
        };
        let most = i64::MAX;
        for (asked, pause) in
            [(None, 2), (Some(17), 17), (Some(0), 1), (Some(60), 60), (Some(61), 2), (Some(most), 2)]
        {
            let asked = asked.map(SignedDuration::from_secs);
            let again = notification.retry("busy", asked, Timestamp::UNIX_EPOCH).unwrap();

            assert_eq!(again.after().attempts.due.unwrap().as_second(), pause, "{asked:?}");
        }
    }

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<NotificationState>();
    }
}
