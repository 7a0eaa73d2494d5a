//! A mail, taken apart.

use std::collections::BTreeMap;

use domain::text::shorten;
use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders};
use serde::{Deserialize, Serialize};

use crate::Received;

/// How much of a mail's text is kept; a description has less.
const TEXT_BYTES: usize = 128 * 1024;
/// How much of a header is kept.
const HEADER_BYTES: usize = 1024;
/// How many headers are kept, and how many recipients, references and attachments.
const MOST: usize = 50;

/// Headers that are kept beside those of the sender's own.
const HEADERS: &[&str] = &["auto-submitted", "importance", "list-id", "precedence", "priority"];

/// A mail: the payload that a source of kind `email` reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// What its sender calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// What it is about.
    pub subject: String,
    /// Who wrote it, by what the mail says.
    pub from: Person,
    /// Whom it is for.
    pub to: Vec<String>,
    /// When it was written, by its sender's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<String>,
    /// The thread before it, from its beginning.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// What it says, without HTML.
    pub text: String,
    /// How important its sender says that it is, if that is not as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// Headers of the sender's own, in small letters.
    pub headers: BTreeMap<String, String>,
    /// What is attached: never kept, only named.
    pub attachments: Vec<Attachment>,
    /// What whoever received it found out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<String, String>,
}

/// Somebody who writes mails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address.
    pub address: String,
}

/// Something attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// How many bytes it has.
    pub bytes: usize,
}

impl Person {
    /// Somebody as a header has it: `Name <address>`, or the address alone.
    pub(crate) fn written(text: &str) -> Self {
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

impl Letter {
    /// Reads the bytes of a mail, whatever they are: what is no mail is one without headers.
    pub fn read(raw: &[u8]) -> Self {
        let Some(message) = MessageParser::default().parse(raw) else {
            return Self { text: shorten(&String::from_utf8_lossy(raw), TEXT_BYTES), ..Self::default() };
        };
        let ids = |value: &HeaderValue<'_>| {
            let ids = value.as_text_list().unwrap_or_default();
            ids.iter().take(MOST).map(|id| whole(id)).collect::<Vec<_>>()
        };
        Self {
            message_id: message.message_id().map(whole),
            subject: message.subject().map(|subject| shorten(subject, TEXT_BYTES)).unwrap_or_default(),
            from: message.from().and_then(Address::first).map_or_else(Person::default, |from| Person {
                name: from.name().map(|name| shorten(name, HEADER_BYTES)),
                address: shorten(from.address().unwrap_or_default(), HEADER_BYTES),
            }),
            to: message
                .all_to()
                .chain(message.all_cc())
                .flat_map(Address::iter)
                .filter_map(|to| Some(shorten(to.address()?, HEADER_BYTES)))
                .take(MOST)
                .collect(),
            date: message.date().filter(|date| date.is_valid()).map(mail_parser::DateTime::to_rfc3339),
            in_reply_to: ids(message.in_reply_to()).into_iter().next(),
            references: ids(message.references()),
            text: text(&message),
            priority: priority(&message),
            headers: headers(&message),
            attachments: message
                .attachments()
                .take(MOST)
                .map(|part| Attachment {
                    name: shorten(part.attachment_name().unwrap_or("without a name"), HEADER_BYTES),
                    bytes: part.len(),
                })
                .collect(),
            verdicts: BTreeMap::new(),
        }
    }

    /// The letter with what SES says of it: its opinions, and a name for one whose sender gave none, by which it is
    /// known when it comes twice.
    #[must_use]
    pub fn known_as(mut self, received: &Received) -> Self {
        self.verdicts = received.verdicts();
        self.message_id.get_or_insert_with(|| format!("ses:{}", received.mail.message_id));
        self
    }
}

/// An id as mails have it.
fn whole(id: &str) -> String {
    format!("<{}>", shorten(id, HEADER_BYTES))
}

/// What a mail says; what is HTML alone is read as text.
fn text(message: &Message<'_>) -> String {
    let parts = (0..message.text_body_count().min(MOST)).filter_map(|n| message.body_text(n));
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

/// How important a mail is, where its sender says something else than usual.
fn priority(message: &Message<'_>) -> Option<String> {
    let said = |name: &'static str| {
        let value = message.header_raw(HeaderName::Other(name.into()))?.trim().to_lowercase();
        Some(value.split_whitespace().next()?.to_owned())
    };
    let said = said("Importance").or_else(|| said("X-Priority")).or_else(|| said("Priority"))?;
    match said.as_str() {
        "high" | "urgent" | "1" | "2" => Some("high".to_owned()),
        "low" | "non-urgent" | "4" | "5" => Some("low".to_owned()),
        _ => None,
    }
}

/// The headers that are kept.
fn headers(message: &Message<'_>) -> BTreeMap<String, String> {
    let all = message.headers_raw().map(|(name, value)| (name.to_lowercase(), value));
    let kept = all.filter(|(name, _)| name.starts_with("x-") || HEADERS.contains(&name.as_str()));
    kept.take(MOST)
        .map(|(name, value)| (shorten(&name, HEADER_BYTES), shorten(value.trim(), HEADER_BYTES)))
        .collect()
}
