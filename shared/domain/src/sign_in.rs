//! Signing in by a link, which is asked for, mailed, and used once.

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::{OrgId, SignInId, UserId};
use crate::job::due::{Scheduled, due_at};
use crate::job::lease::{Attempts, Leased};
use crate::job::{Job, JobKind, NotificationJob};
use crate::trace::Trace;

/// The states of an attempt to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum SignInState {
    /// Somebody has asked for a link. It is not known yet whether anybody has the address.
    Asked,
    /// A worker has claimed it and sends the email.
    Sending,
    /// The link was sent by email, or was shown to the person.
    Sent,
    /// The link was used; it cannot be used again.
    Used,
    /// Nobody has the address, or the link could not be mailed in time.
    Void,
}

impl State for SignInState {
    const INITIAL: &'static [Self] = &[Self::Asked, Self::Sent];

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Asked => &[Self::Sending, Self::Void],
            Self::Sending => &[Self::Sent, Self::Void, Self::Asked],
            Self::Sent => &[Self::Used],
            Self::Used | Self::Void => &[],
        }
    }
}

/// Whom a link signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInPerson {
    /// The organisation.
    pub org: OrgId,
    /// The person.
    pub user: UserId,
}

/// An attempt to sign in. The link contains its id and is signed; the table does not contain the link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignIn {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<SignInState>,
    /// The id.
    pub id: SignInId,
    /// The address that asked, until the person is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The person whom the link signs in, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whom: Option<SignInPerson>,
    /// When the link expires.
    pub until: Timestamp,
    /// The attempts to mail the link.
    #[serde(flatten)]
    pub attempts: Attempts,
    /// When the item may vanish, in Unix seconds.
    pub ttl: i64,
    /// The trace that it belongs to.
    pub trace: Trace,
}

/// How long a link is valid.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_mins(15);

/// How long an attempt to sign in is kept after its link has expired.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

impl Stateful for SignIn {
    const MACHINE: &'static str = "sign_in";
    type State = SignInState;
    type Event = Event;
    type Note = ();

    fn head(&self) -> Head<SignInState> {
        self.head
    }

    fn set_head(&mut self, head: Head<SignInState>) {
        self.head = head;
    }
}

impl Scheduled for SignIn {
    const KIND: JobKind = JobKind::SignInMail;

    fn job(&self) -> Job {
        NotificationJob::SignInMail { id: self.id }.into()
    }

    fn set_due(&mut self, at: Option<Timestamp>) {
        self.attempts.wait_until(at);
    }
}

impl Leased for SignIn {
    const WAITING: SignInState = SignInState::Asked;
    const HELD: SignInState = SignInState::Sending;

    fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    fn attempts_mut(&mut self) -> &mut Attempts {
        &mut self.attempts
    }
}

/// The actor in the history.
const BY: &str = "system:sign_in";

impl SignIn {
    fn new(id: SignInId, state: SignInState, trace: Trace) -> Self {
        let until = id.at() + GOOD_FOR;
        Self {
            head: Head::stored(state, 0),
            id,
            email: None,
            whom: None,
            until,
            attempts: Attempts::first(id.at()),
            ttl: (until + KEPT).as_second(),
            trace,
        }
    }

    /// Somebody requests a link for an email address, which may belong to nobody.
    ///
    /// # Errors
    /// [`Illegal`] never: an attempt may begin so.
    pub fn asked(
        id: SignInId,
        email: String,
        trace: Trace,
    ) -> Result<Transition<Self>, Illegal<SignInState>> {
        let asked = Self { email: Some(email), ..Self::new(id, SignInState::Asked, trace) };
        Ok(due_at(asked.born(SignInState::Asked, id.at())?.because(BY, "asked for"), id.at()))
    }

    /// Creates a link that is shown where only the right person can see it.
    ///
    /// # Errors
    /// [`Illegal`] never: an attempt may begin so.
    pub fn handed_over(
        id: SignInId,
        whom: SignInPerson,
        trace: Trace,
    ) -> Result<Transition<Self>, Illegal<SignInState>> {
        let sent = Self { whom: Some(whom), ..Self::new(id, SignInState::Sent, trace) };
        Ok(sent.born(SignInState::Sent, id.at())?.because(BY, "shown to the person"))
    }

    /// Makes the first attempt of an item of an older version due at once.
    ///
    /// Older versions stored no slot, and stored as `due` when the sweep checks whether the message was lost.
    pub fn due_at_once_if_old(mut self) -> Self {
        let Attempts { attempt, slot, .. } = self.attempts;
        if self.head.state() == Self::WAITING && attempt == 0 && slot == Timestamp::UNIX_EPOCH {
            self.attempts.due = Some(self.id.at());
        }
        self
    }

    /// Says whether the link is good.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.head.state() == SignInState::Sent && self.until > now
    }

    /// The link was mailed.
    ///
    /// # Errors
    /// [`Illegal`] if no worker was mailing it.
    pub fn sent(&self, whom: SignInPerson, now: Timestamp) -> Result<Transition<Self>, Illegal<SignInState>> {
        let sent = self.go(SignInState::Sent, "mailed", now)?.because(BY, "sent");
        Ok(sent.with(|sign_in| (sign_in.email, sign_in.whom) = (None, Some(whom))))
    }

    /// No link is mailed.
    ///
    /// # Errors
    /// [`Illegal`] if it was mailed before, or is void already.
    pub fn void(&self, why: &str, now: Timestamp) -> Result<Transition<Self>, Illegal<SignInState>> {
        let void = self.go(SignInState::Void, why, now)?.because(BY, why);
        Ok(void.with(|sign_in| sign_in.email = None))
    }

    /// The link is used, this once.
    ///
    /// # Errors
    /// [`Illegal`] if it was used before, or never sent.
    pub fn used(&self, now: Timestamp) -> Result<Transition<Self>, Illegal<SignInState>> {
        Ok(self.transition_to(SignInState::Used, now)?.because(BY, "used"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::lease::Look;

    /// An attempt whose link a worker mails.
    fn asked() -> SignIn {
        let id = SignInId::new(Timestamp::UNIX_EPOCH, 1);
        let asked = SignIn::asked(id, "ada@example.com".to_owned(), Trace::begin(1)).unwrap();
        asked.after().claim(Timestamp::UNIX_EPOCH).unwrap().after().clone()
    }

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<SignInState>();
    }

    #[test]
    fn link_is_good_once_it_was_sent_until_it_is_used_or_a_quarter_of_an_hour_old() {
        let now = Timestamp::UNIX_EPOCH;
        let whom = SignInPerson { org: OrgId::new(now, 1), user: UserId::new(now, 2) };

        let asked = asked();
        let sent = asked.sent(whom, now).unwrap().after().clone();
        let used = sent.used(now).unwrap().after().clone();

        assert!(!asked.is_good(now) && sent.is_good(now) && !used.is_good(now));
        assert!(!sent.is_good(now + GOOD_FOR));
        assert!(asked.used(now).is_err() && used.used(now).is_err());
    }

    #[test]
    fn link_that_an_older_version_was_asked_for_is_mailed_at_once() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let asked =
            SignIn::asked(SignInId::new(now, 1), "ada@example.com".to_owned(), Trace::begin(1)).unwrap();
        let mut stored = serde_json::to_value(asked.after()).unwrap();
        let item = stored.as_object_mut().unwrap();
        for attribute in ["attempt", "slot", "log"] {
            item.remove(attribute);
        }
        item.insert("due".to_owned(), (now + SignedDuration::from_secs(30)).to_string().into());

        let old: SignIn = serde_json::from_value(stored).unwrap();

        assert_eq!(old.look(now), Look::TooEarly);
        let old = old.due_at_once_if_old();
        assert_eq!(old.look(now), Look::Claim);
        let again = old.claim(now).unwrap().after().retry("busy", None, now).unwrap().after().clone();
        assert_eq!(again.clone().due_at_once_if_old().attempts, again.attempts);
    }

    #[test]
    fn address_is_forgotten_as_soon_as_nothing_is_owed_to_it() {
        let now = Timestamp::UNIX_EPOCH;
        let whom = SignInPerson { org: OrgId::new(now, 1), user: UserId::new(now, 2) };

        assert_eq!(asked().sent(whom, now).unwrap().after().email, None);
        let void = asked().void("nobody has this address", now).unwrap().after().clone();
        assert_eq!((void.email, void.attempts.due), (None, None));
    }
}
