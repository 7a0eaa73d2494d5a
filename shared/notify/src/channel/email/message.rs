//! What a mail says: short, and readable on a phone at night.
//!
//! Titles and links come from whoever can send an alert. Nothing of them may begin a header, a tag or a link.

use std::time::{Duration, SystemTime};

use domain::Timestamp;
use domain::text::{fingerprint, shorten};
use domain::user::Urgency;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, Message};

use crate::{Letter, Outgoing};

/// The bytes of a subject: a phone shows fewer still.
const SUBJECT_BYTES: usize = 150;

/// The bytes of a title in the mail itself.
const TITLE_BYTES: usize = 500;

/// The bytes of a link.
const URL_BYTES: usize = 8 * 1024;

/// Writes the mail for a page. The same page gives the same mail but for its date, so that a server or a mail
/// program may tell a repeated one.
pub(super) fn build(
    from: &Mailbox,
    to: &Address,
    outgoing: &Outgoing,
) -> Result<Message, lettre::error::Error> {
    let identity = fingerprint(outgoing.idempotency_key.as_bytes(), 32);
    let (priority, importance) = match outgoing.urgency {
        Urgency::High => ("1", "high"),
        Urgency::Low => ("5", "low"),
    };
    let title = clean(&outgoing.title);
    let content = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("firebell-{identity}"))
        .singlepart(SinglePart::plain(text(&title, outgoing)))
        .singlepart(SinglePart::html(html(&title, outgoing)));
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(subject(&title))
        .date(date(outgoing.when))
        .message_id(Some(format!("<{identity}@{}>", from.email.domain())))
        .raw_header(header("X-Firebell-Trace", outgoing.trace.id()))
        .raw_header(header("X-Firebell-Escalation", &outgoing.escalation.to_string()))
        .raw_header(header("X-Firebell-Page", &outgoing.idempotency_key))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .raw_header(header("X-Priority", priority))
        .raw_header(header("Importance", importance))
        .multipart(content)
}

/// Writes a letter; likewise the same one each time.
pub(super) fn letter(from: &Mailbox, to: &Address, letter: &Letter) -> Result<Message, lettre::error::Error> {
    let identity = fingerprint(letter.idempotency_key.as_bytes(), 32);
    let (label, url) = (&letter.button.0, &letter.button.1);
    let plain = format!("{}\n\n{}\n\n{label}:\n{url}\n", letter.title, letter.text);
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
        title = escaped(&letter.title),
        text = escaped(&letter.text),
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
        .subject(subject(&clean(&letter.title)))
        .date(date(letter.when))
        .message_id(Some(format!("<{identity}@{}>", from.email.domain())))
        .raw_header(header("X-Firebell-Trace", letter.trace.id()))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .multipart(content)
}

/// A time as the date of a mail, which has seconds only.
fn date(when: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(when.as_second()).unwrap_or(0))
}

/// A header of ours.
fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), clean(value))
}

/// The subject. An encoded word in a title is taken apart, or a mail program would decode what was not cleaned.
fn subject(title: &str) -> String {
    shorten(&format!("[Firebell] {}", title.replace("=?", "= ?")), SUBJECT_BYTES)
}

/// The text for those who read no HTML.
fn text(title: &str, outgoing: &Outgoing) -> String {
    let mut text = format!("{title}\n\nAcknowledge:\n{}\n", outgoing.acknowledge_url);
    if let Some(url) = source_url(outgoing) {
        text += &format!("\nSource:\n{url}\n");
    }
    text += &format!("\n-- \n{}\n{}\nTrace {}\n", urgency(outgoing), time(outgoing), outgoing.trace.id());
    text
}

/// The same as HTML: one column, one large button, no images, nothing that a dark mode turns unreadable.
fn html(title: &str, outgoing: &Outgoing) -> String {
    let colour = match outgoing.urgency {
        Urgency::High => "#c81e1e",
        Urgency::Low => "#3f5a79",
    };
    let source = source_url(outgoing).map_or_else(String::new, |url| {
        format!(
            "<p style=\"margin:20px 0 0;text-align:center\">\
             <a href=\"{}\" style=\"color:{colour};font-size:16px\">Open the source</a></p>\n",
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
        urgency = urgency(outgoing),
        acknowledge = escaped(&outgoing.acknowledge_url),
        time = time(outgoing),
        trace = escaped(outgoing.trace.id()),
    )
}

/// How urgent it is, in words.
const fn urgency(outgoing: &Outgoing) -> &'static str {
    match outgoing.urgency {
        Urgency::High => "High urgency",
        Urgency::Low => "Low urgency",
    }
}

/// When it is sent, in words.
fn time(outgoing: &Outgoing) -> String {
    outgoing.when.strftime("%A, %-d %B %Y, %H:%M UTC").to_string()
}

/// The link to the source, if it leads to the web and cannot be mistaken for anything else.
fn source_url(outgoing: &Outgoing) -> Option<&str> {
    outgoing.source_url.as_deref().filter(|url| {
        let low = url.get(..8).unwrap_or_default().to_ascii_lowercase();
        let strange = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c) || "<>\"".contains(c);
        (low.starts_with("http://") || low == "https://")
            && url.len() <= URL_BYTES
            && !url.chars().any(strange)
    })
}

/// A title in one line, without what a reader cannot see or what turns the line around.
fn clean(title: &str) -> String {
    let visible = title.chars().filter(|c| !is_invisible(*c));
    let spaced: String = visible.map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "Alert without a title".to_owned() } else { shorten(&words.join(" "), TITLE_BYTES) }
}

/// Whether a character is there without being seen: marks of direction, of order, and the like.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// A text that begins no tag and ends no attribute.
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
