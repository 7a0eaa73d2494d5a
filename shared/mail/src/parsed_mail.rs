//! A parsed email.

use std::collections::BTreeMap;

use domain::text::shorten;
use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders};
use serde::{Deserialize, Serialize};

use crate::MailNotification;

/// Most bytes of the text that are kept. The limit of a description is lower.
const TEXT_BYTES: usize = 128 * 1024;
/// Most bytes of a header that are kept.
const HEADER_BYTES: usize = 1024;
/// Most headers, recipients, references and attachments that are kept, each.
const MAX_ITEMS: usize = 50;

/// The headers that are kept in addition to custom headers, which begin with `X-`.
const HEADERS: &[&str] = &["auto-submitted", "importance", "list-id", "precedence", "priority"];

/// A parsed email: the payload of an alert source of the kind `email`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParsedMail {
    /// The id that the sender gave to the email.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The subject.
    pub subject: String,
    /// The sender in the `From` header.
    pub from: MailAddress,
    /// The recipients.
    pub to: Vec<String>,
    /// The date in the email, by its sender's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The id of the email that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<String>,
    /// The ids of the earlier emails in the thread, the first one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// The text, without HTML.
    pub text: String,
    /// The importance that the sender set, `high` or `low`. `None` for normal importance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// The kept headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The names and sizes of the attachments. Their contents are never kept.
    pub attachments: Vec<Attachment>,
    /// The verdicts of the server that received the email.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<String, String>,
}

/// A sender of emails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailAddress {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The email address.
    pub address: String,
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file name.
    pub name: String,
    /// The size in bytes.
    pub bytes: usize,
}

impl MailAddress {
    /// Parses the value of a header: `Name <address>`, or the address alone.
    pub(crate) fn parse(text: &str) -> Self {
        match text.rsplit_once('<') {
            Some((name, address)) => {
                let name = name.trim().trim_matches('"').to_owned();
                Self {
                    name: (!name.is_empty()).then_some(name),
                    address: address.trim_end().trim_end_matches('>').to_owned(),
                }
            }
            None => Self { name: None, address: text.trim().to_owned() },
        }
    }
}

impl ParsedMail {
    /// Parses the bytes of an email. Bytes that are not an email become an email without headers.
    pub fn parse(raw: &[u8]) -> Self {
        let Some(message) = MessageParser::default().parse(raw) else {
            return Self { text: shorten(&String::from_utf8_lossy(raw), TEXT_BYTES), ..Self::default() };
        };
        let ids = |value: &HeaderValue<'_>| {
            let ids = value.as_text_list().unwrap_or_default();
            ids.iter().take(MAX_ITEMS).map(|id| bracketed(id)).collect::<Vec<_>>()
        };
        Self {
            message_id: message.message_id().map(bracketed),
            subject: message.subject().map(|subject| shorten(subject, TEXT_BYTES)).unwrap_or_default(),
            from: message.from().and_then(Address::first).map_or_else(MailAddress::default, |from| {
                MailAddress {
                    name: from.name().map(|name| shorten(name, HEADER_BYTES)),
                    address: shorten(from.address().unwrap_or_default(), HEADER_BYTES),
                }
            }),
            to: message
                .all_to()
                .chain(message.all_cc())
                .flat_map(Address::iter)
                .filter_map(|to| Some(shorten(to.address()?, HEADER_BYTES)))
                .take(MAX_ITEMS)
                .collect(),
            date: message.date().filter(|date| date.is_valid()).map(mail_parser::DateTime::to_rfc3339),
            in_reply_to: ids(message.in_reply_to()).into_iter().next(),
            references: ids(message.references()),
            text: text(&message),
            priority: priority(&message),
            headers: headers(&message),
            attachments: message
                .attachments()
                .take(MAX_ITEMS)
                .map(|part| Attachment {
                    name: shorten(part.attachment_name().unwrap_or("unnamed"), HEADER_BYTES),
                    bytes: part.len(),
                })
                .collect(),
            verdicts: BTreeMap::new(),
        }
    }

    /// Adds the verdicts of SES. An email without an id gets the one from SES, so that a repeated delivery is recognised.
    #[must_use]
    pub fn with_notification(mut self, received: &MailNotification) -> Self {
        self.verdicts = received.verdicts();
        self.message_id.get_or_insert_with(|| format!("ses:{}", received.mail.message_id));
        self
    }
}

/// An id in angle brackets, as it is in headers.
fn bracketed(id: &str) -> String {
    format!("<{}>", shorten(id, HEADER_BYTES))
}

/// The text of an email. HTML is converted if there is no plain text.
fn text(message: &Message<'_>) -> String {
    let parts = (0..message.text_body_count().min(MAX_ITEMS)).filter_map(|n| message.body_text(n));
    let mut text = String::new();
    for part in parts {
        let part = part.trim_end();
        if !text.is_empty() && !part.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(part);
        if text.len() > TEXT_BYTES {
            break;
        }
    }
    shorten(&text.replace("\r\n", "\n"), TEXT_BYTES)
}

/// The importance of an email, if it is not normal.
fn priority(message: &Message<'_>) -> Option<String> {
    let header = |name: &'static str| {
        let value = message.header_raw(HeaderName::Other(name.into()))?.trim().to_lowercase();
        Some(value.split_whitespace().next()?.to_owned())
    };
    let word = header("Importance").or_else(|| header("X-Priority")).or_else(|| header("Priority"))?;
    match word.as_str() {
        "high" | "urgent" | "1" | "2" => Some("high".to_owned()),
        "low" | "non-urgent" | "4" | "5" => Some("low".to_owned()),
        _ => None,
    }
}

/// The headers of an email that are kept.
fn headers(message: &Message<'_>) -> BTreeMap<String, String> {
    let all = message.headers_raw().map(|(name, value)| (name.to_lowercase(), value));
    let kept = all.filter(|(name, _)| name.starts_with("x-") || HEADERS.contains(&name.as_str()));
    kept.take(MAX_ITEMS)
        .map(|(name, value)| (shorten(&name, HEADER_BYTES), shorten(value.trim(), HEADER_BYTES)))
        .collect()
}
