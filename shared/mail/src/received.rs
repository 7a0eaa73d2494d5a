//! What SES says when a mail has come.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html>

use std::collections::BTreeMap;

use domain::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Letter;
use crate::letter::Person;

/// A mail has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Received {
    /// What became of it.
    pub receipt: Receipt,
    /// What it is.
    pub mail: Mail,
}

/// What became of a mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    /// Whom it is for, as its envelope says.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// What was done with it.
    pub action: Action,
    /// What SES found out, such as `spfVerdict`, among what else it says.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// Where a mail is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// The key of its bytes.
    pub object_key: String,
}

/// What a mail is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// When it came.
    pub timestamp: Timestamp,
    /// What SES calls it.
    pub message_id: String,
    /// Its headers, as far as all mails have them.
    #[serde(default)]
    pub common_headers: CommonHeaders,
}

/// Headers of a mail.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommonHeaders {
    /// Who wrote it.
    pub from: Vec<String>,
    /// What its sender calls it.
    pub message_id: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
}

/// What of it is SES's opinion, and what we call that.
const VERDICTS: &[(&str, &str)] = &[
    ("spamVerdict", "spam"),
    ("virusVerdict", "virus"),
    ("spfVerdict", "spf"),
    ("dkimVerdict", "dkim"),
    ("dmarcVerdict", "dmarc"),
];

impl Received {
    /// What is known of the mail without its bytes.
    pub fn letter(&self) -> Letter {
        let headers = &self.mail.common_headers;
        let from = headers.from.first().map(|from| Person::written(from));
        let text = "The mail itself could not be fetched: this is what is known of it.".to_owned();
        Letter {
            message_id: headers.message_id.clone(),
            subject: headers.subject.clone().unwrap_or_default(),
            from: from.unwrap_or_default(),
            to: self.receipt.recipients.clone(),
            text,
            ..Letter::default()
        }
        .known_as(self)
    }

    /// Whether it came longer ago than this.
    pub fn is_older(&self, than: SignedDuration, now: Timestamp) -> bool {
        now.duration_since(self.mail.timestamp) > than
    }

    /// What SES found out, by what it looked at: `PASS`, `FAIL`, `GRAY` or `PROCESSING_FAILED`.
    pub(crate) fn verdicts(&self) -> BTreeMap<String, String> {
        let said = |(field, name): &(&str, &str)| {
            let status = self.receipt.rest.get(*field)?.get("status")?.as_str()?;
            Some(((*name).to_owned(), status.to_owned()))
        };
        VERDICTS.iter().filter_map(said).collect()
    }
}
