//! Builds the emails. They are short and readable on a phone at night.
//!
//! Titles and links are untrusted: anybody who can send an alert writes them. They must not start a header, an HTML tag
//! or a link.

use std::time::{Duration, SystemTime};

use domain::Timestamp;
use domain::text::{fingerprint, shorten};
use domain::user::Urgency;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, Message};

use crate::{OutgoingNotification, ServiceEmail};

/// The longest subject, in bytes. A phone shows less.
const SUBJECT_BYTES: usize = 150;

/// The header with the id of the installation. An alert source of the same installation opens no alert from such an
/// email, because its notifications would be emails again.
const INSTALLATION: &str = "X-Firebell-Installation";

/// The longest title in the body, in bytes.
const TITLE_BYTES: usize = 500;

/// The longest link, in bytes.
const URL_BYTES: usize = 8 * 1024;

/// Builds the email of a notification. Each attempt gives the same email apart from its date, so that a mail server or
/// mail program can recognise a repeat.
pub(super) fn build(
    from: &Mailbox,
    to: &Address,
    notification: &OutgoingNotification,
) -> Result<Message, lettre::error::Error> {
    let identity = fingerprint(notification.idempotency_key.as_bytes(), 32);
    let (priority, importance) = match notification.urgency {
        Urgency::High => ("1", "high"),
        Urgency::Low => ("5", "low"),
    };
    let title = clean(&notification.title);
    let content = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("firebell-{identity}"))
        .singlepart(SinglePart::plain(text(&title, notification)))
        .singlepart(SinglePart::html(html(&title, notification)));
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(subject(&title))
        .date(date(notification.when))
        .message_id(Some(format!("<{identity}@{}>", from.email.domain())))
        .raw_header(header(INSTALLATION, &notification.installation))
        .raw_header(header("X-Firebell-Trace", notification.trace.id()))
        .raw_header(header("X-Firebell-Escalation", &notification.escalation.to_string()))
        .raw_header(header("X-Firebell-Page", &notification.idempotency_key))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .raw_header(header("X-Priority", priority))
        .raw_header(header("Importance", importance))
        .multipart(content)
}

/// Builds a service email, which is also the same in each attempt.
pub(super) fn service_email(
    from: &Mailbox,
    to: &Address,
    email: &ServiceEmail,
) -> Result<Message, lettre::error::Error> {
    let identity = fingerprint(email.idempotency_key.as_bytes(), 32);
    let (label, url) = (&email.button.0, &email.button.1);
    let plain = format!("{}\n\n{}\n\n{label}:\n{url}\n", email.title, email.text);
    let html = format!(
        "<!doctype html>\n\
         <html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title></head>\n\
         <body style=\"margin:0;padding:16px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">\n\
         <div style=\"max-width:480px;margin:0 auto\">\n\
         <h1 style=\"margin:0 0 16px;font-size:22px;line-height:1.3\">{title}</h1>\n\
         <p style=\"margin:0 0 24px;font-size:16px;line-height:1.5\">{text}</p>\n\
         <a href=\"{url}\" style=\"display:block;padding:18px 12px;border-radius:8px;background:#3f5a79;\
         color:#ffffff;font-size:19px;font-weight:bold;text-align:center;text-decoration:none\">{label}</a>\n\
         </div>\n</body></html>\n",
        title = escaped(&email.title),
        text = escaped(&email.text),
        url = escaped(url),
        label = escaped(label),
    );
    let content = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("firebell-{identity}"))
        .singlepart(SinglePart::plain(plain))
        .singlepart(SinglePart::html(html));
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(subject(&clean(&email.title)))
        .date(date(email.when))
        .message_id(Some(format!("<{identity}@{}>", from.email.domain())))
        .raw_header(header(INSTALLATION, &email.installation))
        .raw_header(header("X-Firebell-Trace", email.trace.id()))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .multipart(content)
}

/// The date of an email, in whole seconds.
fn date(when: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(when.as_second()).unwrap_or(0))
}

/// A header with a cleaned value.
fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), clean(value))
}

/// The subject. Encoded words (`=?…?=`) in a title are broken up, because email programs would decode them after the
/// text was cleaned.
fn subject(title: &str) -> String {
    shorten(&format!("[Firebell] {}", title.replace("=?", "= ?")), SUBJECT_BYTES)
}

/// The plain text part.
fn text(title: &str, notification: &OutgoingNotification) -> String {
    let mut text = format!("{title}\n\nAcknowledge:\n{}\n", notification.acknowledge_url);
    if let Some(url) = source_url(notification) {
        text += &format!("\nSource:\n{url}\n");
    }
    text += &format!(
        "\n-- \n{}\n{}\nTrace {}\n",
        urgency(notification),
        time(notification),
        notification.trace.id()
    );
    text
}

/// The HTML part: one column, one large button, no images, readable in dark mode.
fn html(title: &str, notification: &OutgoingNotification) -> String {
    let colour = match notification.urgency {
        Urgency::High => "#c81e1e",
        Urgency::Low => "#3f5a79",
    };
    let source = source_url(notification).map_or_else(String::new, |url| {
        format!(
            "<p style=\"margin:20px 0 0;text-align:center\">\
             <a href=\"{}\" style=\"color:{colour};font-size:16px\">Open in the source system</a></p>\n",
            escaped(url)
        )
    });
    format!(
        "<!doctype html>\n\
         <html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title></head>\n\
         <body style=\"margin:0;padding:16px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">\n\
         <div style=\"max-width:480px;margin:0 auto\">\n\
         <p style=\"margin:0 0 8px;font-size:14px;font-weight:bold;color:{colour}\">{urgency}</p>\n\
         <h1 dir=\"auto\" style=\"margin:0 0 24px;font-size:22px;line-height:1.3;overflow-wrap:anywhere\">{title}</h1>\n\
         <a href=\"{acknowledge}\" style=\"display:block;padding:18px 12px;border-radius:8px;background:{colour};\
         color:#ffffff;font-size:19px;font-weight:bold;text-align:center;text-decoration:none\">Acknowledge</a>\n\
         {source}\
         <p style=\"margin:28px 0 0;font-size:12px;line-height:1.5;color:#767676\">{time}<br>Trace {trace}</p>\n\
         </div>\n</body></html>\n",
        title = escaped(title),
        urgency = urgency(notification),
        acknowledge = escaped(&notification.acknowledge_url),
        time = time(notification),
        trace = escaped(notification.trace.id()),
    )
}

/// The urgency as text.
const fn urgency(notification: &OutgoingNotification) -> &'static str {
    match notification.urgency {
        Urgency::High => "High urgency",
        Urgency::Low => "Low urgency",
    }
}

/// The time of sending as text.
fn time(notification: &OutgoingNotification) -> String {
    notification.when.strftime("%A, %-d %B %Y, %H:%M UTC").to_string()
}

/// The link to the alert in the sending system, if it is a plain web link.
fn source_url(notification: &OutgoingNotification) -> Option<&str> {
    notification.source_url.as_deref().filter(|url| {
        let low = url.get(..8).unwrap_or_default().to_ascii_lowercase();
        let unsafe_char =
            |c: char| c.is_whitespace() || c.is_control() || is_invisible(c) || "<>\"".contains(c);
        (low.starts_with("http://") || low == "https://")
            && url.len() <= URL_BYTES
            && !url.chars().any(unsafe_char)
    })
}

/// A title in one line, without invisible characters and characters that change the text direction.
fn clean(title: &str) -> String {
    let visible = title.chars().filter(|c| !is_invisible(*c));
    let spaced: String = visible.map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "Untitled alert".to_owned() } else { shorten(&words.join(" "), TITLE_BYTES) }
}

/// Whether a character is invisible, for example a mark that changes the text direction.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// Escapes a text for HTML elements and attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
