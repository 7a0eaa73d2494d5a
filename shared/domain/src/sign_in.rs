//! Signing in by a link: asked for, sent, and used once.

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::{OrgId, SignInId, UserId};
use crate::trace::Trace;

/// The states of an attempt to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInState {
    /// Somebody has asked for a link; whether their address is anybody's is not known yet.
    Asked,
    /// The link is on its way, or was handed over.
    Sent,
    /// It was used: it is good for nothing more.
    Used,
    /// There is nobody to send it to, or it could not be sent in time.
    Void,
}

impl State for SignInState {
    const ALL: &'static [Self] = &[Self::Asked, Self::Sent, Self::Used, Self::Void];
    const INITIAL: &'static [Self] = &[Self::Asked, Self::Sent];

    fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Sent => "sent",
            Self::Used => "used",
            Self::Void => "void",
        }
    }

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Asked => &[Self::Sent, Self::Void],
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

/// An attempt to sign in. The link names it and is signed: what it says is nowhere in the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignIn {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<SignInState>,
    /// Its id.
    pub id: SignInId,
    /// The address that asked, until it is known whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whom it signs in, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whom: Option<SignInPerson>,
    /// When it is good for nothing any more.
    pub until: Timestamp,
    /// How often the link was tried to be sent.
    #[serde(default)]
    pub attempt: u16,
    /// When somebody has to look whether it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When the item may vanish, in Unix seconds.
    pub ttl: i64,
    /// The trace that it came in.
    pub trace: Trace,
}

/// How long a link is good.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_mins(15);

/// How long after it was asked for, or tried, somebody looks whether it was sent.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// How long an attempt is kept after it is good for nothing.
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

/// What a step is made by, in the history.
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
            attempt: 0,
            due: None,
            ttl: (until + KEPT).as_second(),
            trace,
        }
    }

    /// Somebody asks for a link to be sent to an address, whoever's it is.
    ///
    /// # Errors
    /// [`Illegal`] never: an attempt may begin so.
    pub fn asked(
        id: SignInId,
        email: String,
        trace: Trace,
    ) -> Result<Transition<Self>, Illegal<SignInState>> {
        let due = Some(id.at() + LOOK_AGAIN);
        let asked = Self { email: Some(email), due, ..Self::new(id, SignInState::Asked, trace) };
        let born = asked.born(SignInState::Asked, id.at())?.because(BY, "asked for");
        Ok(born.on_transition(|_| Event::SignInAsked { id }))
    }

    /// A link is handed over where only the right person looks.
    ///
    /// # Errors
    /// [`Illegal`] never: an attempt may begin so.
    pub fn handed_over(
        id: SignInId,
        whom: SignInPerson,
        trace: Trace,
    ) -> Result<Transition<Self>, Illegal<SignInState>> {
        let sent = Self { whom: Some(whom), ..Self::new(id, SignInState::Sent, trace) };
        Ok(sent.born(SignInState::Sent, id.at())?.because(BY, "handed over"))
    }

    /// Says whether a link is still to be sent.
    pub fn is_owed(&self) -> bool {
        self.head.state() == SignInState::Asked
    }

    /// Says whether the link is good.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.head.state() == SignInState::Sent && self.until > now
    }

    /// The link was sent.
    ///
    /// # Errors
    /// [`Illegal`] if it was sent before, or given up.
    pub fn sent(&self, whom: SignInPerson, now: Timestamp) -> Result<Transition<Self>, Illegal<SignInState>> {
        let sent = self.transition_to(SignInState::Sent, now)?.because(BY, "sent");
        Ok(sent.with(|sign_in| {
            (sign_in.email, sign_in.whom, sign_in.due) = (None, Some(whom), None);
        }))
    }

    /// The link could not be sent: it is tried again, later each time.
    ///
    /// # Errors
    /// [`Illegal`] if it was sent before, or given up.
    pub fn again(&self, now: Timestamp) -> Result<Transition<Self>, Illegal<SignInState>> {
        let again = self.amend(now)?.because(BY, "tried again later");
        Ok(again.with(|sign_in| {
            sign_in.attempt += 1;
            sign_in.due = Some(now + LOOK_AGAIN * i32::from(sign_in.attempt.min(10)));
        }))
    }

    /// No link is sent.
    ///
    /// # Errors
    /// [`Illegal`] if it was sent before, or given up.
    pub fn void(&self, why: &str, now: Timestamp) -> Result<Transition<Self>, Illegal<SignInState>> {
        let void = self.transition_to(SignInState::Void, now)?.because(BY, why);
        Ok(void.with(|sign_in| (sign_in.email, sign_in.due) = (None, None)))
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

    fn asked() -> SignIn {
        let id = SignInId::new(Timestamp::UNIX_EPOCH, 1);
        SignIn::asked(id, "ada@example.com".to_owned(), Trace::begin(1)).unwrap().after().clone()
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
    fn address_is_forgotten_as_soon_as_nothing_is_owed_to_it() {
        let now = Timestamp::UNIX_EPOCH;
        let whom = SignInPerson { org: OrgId::new(now, 1), user: UserId::new(now, 2) };

        assert_eq!(asked().sent(whom, now).unwrap().after().email, None);
        let void = asked().void("nobody has this address", now).unwrap().after().clone();
        assert_eq!((void.email, void.due), (None, None));
    }
}
