//! Signed links: each is valid for one escalation and one person, and expires.

use domain::Timestamp;
use domain::id::{EscalationId, OrgId, UserId};
use jiff::SignedDuration;

use crate::seal::Seal;

/// How long the link in a notification is valid.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_hours(72);

/// What the signature is for.
const PURPOSE: &str = "acknowledge";

/// The link in a notification: it allows one person to acknowledge one escalation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcknowledgeLink {
    /// The organisation.
    pub org: OrgId,
    /// The escalation.
    pub escalation: EscalationId,
    /// The person.
    pub user: UserId,
    /// When it ends.
    pub until: Timestamp,
}

/// Why a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The link is invalid or was changed.
    #[error("this link is invalid or incomplete")]
    Forged,
    /// The link has expired.
    #[error("this link has expired")]
    Expired,
    /// The link was used before.
    #[error("this link was already used")]
    Used,
}

impl AcknowledgeLink {
    /// The token of this link: its parts and their signature.
    pub fn token(&self, seal: &Seal) -> String {
        let text = self.text();
        format!("{text}.{}", seal.sign(PURPOSE, &text))
    }

    fn text(&self) -> String {
        format!("{}.{}.{}.{}", self.org, self.escalation, self.user, self.until.as_second())
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`LinkError`] if it is invalid or has expired.
    pub fn read(seal: &Seal, token: &str, now: Timestamp) -> Result<Self, LinkError> {
        let (text, signature) = token.rsplit_once('.').ok_or(LinkError::Forged)?;
        if !seal.is_signed(PURPOSE, text, signature) {
            return Err(LinkError::Forged);
        }
        let link = Self::parts(text).ok_or(LinkError::Forged)?;
        if link.until <= now {
            return Err(LinkError::Expired);
        }
        Ok(link)
    }

    fn parts(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let link = Self {
            org: parts.next()?.parse().ok()?,
            escalation: parts.next()?.parse().ok()?,
            user: parts.next()?.parse().ok()?,
            until: Timestamp::from_second(parts.next()?.parse().ok()?).ok()?,
        };
        parts.next().is_none().then_some(link)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn link_is_good_for_one_escalation_and_one_person_until_it_expires() {
        let seal = Seal::new(&SecretString::from("key"));
        let at = Timestamp::UNIX_EPOCH;
        let link = AcknowledgeLink {
            org: OrgId::new(at, 1),
            escalation: EscalationId::new(at, 2),
            user: UserId::new(at, 3),
            until: Timestamp::from_second(100).unwrap(),
        };
        let token = link.token(&seal);

        assert_eq!(AcknowledgeLink::read(&seal, &token, at), Ok(link));
        assert_eq!(
            AcknowledgeLink::read(&seal, &token, Timestamp::from_second(100).unwrap()),
            Err(LinkError::Expired)
        );
        let other = token.replacen(&link.user.to_string(), &UserId::new(at, 4).to_string(), 1);
        assert_eq!(AcknowledgeLink::read(&seal, &other, at), Err(LinkError::Forged));
        for bad in ["", ".", "a.b.c.d.e", &token[1..]] {
            assert_eq!(AcknowledgeLink::read(&seal, bad, at), Err(LinkError::Forged), "{bad}");
        }
    }
}
