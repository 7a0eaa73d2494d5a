//! The notification that SES sends when it has received an email.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html>

use std::collections::BTreeMap;

use domain::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ParsedMail;
use crate::parsed_mail::MailAddress;

/// A notification about a received email.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MailNotification {
    /// How SES handled the email.
    pub receipt: Receipt,
    /// The email.
    pub mail: Mail,
}

/// How SES handled an email.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    /// The recipients from the SMTP envelope.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// The action that stored the email.
    pub action: Action,
    /// The other fields, with verdicts such as `spfVerdict` among them.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// The action that stored an email.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// The key of the stored bytes.
    pub object_key: String,
}

/// An email in a notification.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// When SES received the email.
    pub timestamp: Timestamp,
    /// The id that SES gave to the email.
    pub message_id: String,
    /// The headers that all emails have.
    #[serde(default)]
    pub common_headers: CommonHeaders,
}

/// The headers that all emails have.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommonHeaders {
    /// The senders.
    pub from: Vec<String>,
    /// The id that the sender gave to the email.
    pub message_id: Option<String>,
    /// The subject.
    pub subject: Option<String>,
}

/// The verdicts of SES, and their names in a [`ParsedMail`].
const VERDICTS: &[(&str, &str)] = &[
    ("spamVerdict", "spam"),
    ("virusVerdict", "virus"),
    ("spfVerdict", "spf"),
    ("dkimVerdict", "dkim"),
    ("dmarcVerdict", "dmarc"),
];

impl MailNotification {
    /// An email with only what the notification contains, for emails whose bytes cannot be fetched.
    pub fn to_parsed_mail(&self) -> ParsedMail {
        let headers = &self.mail.common_headers;
        let from = headers.from.first().map(|from| MailAddress::parse(from));
        let text = "The email could not be fetched, so its text is missing.".to_owned();
        ParsedMail {
            message_id: headers.message_id.clone(),
            subject: headers.subject.clone().unwrap_or_default(),
            from: from.unwrap_or_default(),
            to: self.receipt.recipients.clone(),
            text,
            ..ParsedMail::default()
        }
        .with_notification(self)
    }

    /// Whether the email was received longer ago than this.
    pub fn is_older(&self, than: SignedDuration, now: Timestamp) -> bool {
        now.duration_since(self.mail.timestamp) > than
    }

    /// The verdicts of SES by their names: `PASS`, `FAIL`, `GRAY` or `PROCESSING_FAILED`.
    pub(crate) fn verdicts(&self) -> BTreeMap<String, String> {
        let verdict = |(field, name): &(&str, &str)| {
            let status = self.receipt.rest.get(*field)?.get("status")?.as_str()?;
            Some(((*name).to_owned(), status.to_owned()))
        };
        VERDICTS.iter().filter_map(verdict).collect()
    }
}
