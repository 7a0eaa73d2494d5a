//! The alert source for emails, for systems that can only send email.
//!
//! The body is the JSON of a parsed email, which the `mail` crate creates from its bytes. An email has no field for its
//! status. Its subject may state one, in the words that monitoring systems use.

use serde_json::{Map, Value, json};

use super::{AlertSource, Endpoint, KindOptions};
use crate::parsed::Collector;
use crate::parsed_alert::{self, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field, json, verify};

mod subject;

/// Length of the proof in an email address.
const PROOF: usize = 24;

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.subject", "Subject", VariableType::Text),
    Variable::new("payload.text", "Text", VariableType::Text),
    Variable::new("payload.from.address", "Sender address", VariableType::Text),
    Variable::new("payload.from.name", "Sender name", VariableType::Text),
    Variable::new("payload.message_id", "Message ID", VariableType::Text),
    Variable::new("payload.headers", "Headers: custom ones, and those about importance", VariableType::Map),
    Variable::new("payload.verdicts", "Verdicts of Amazon SES on sender and content", VariableType::Map),
];

/// The part of a source's email address in front of the `@`: the source's id, and a proof that only its address
/// contains. Both are independent of upper and lower case, because mail servers may change it.
pub(super) fn address(id: &str, secret: &[u8]) -> String {
    format!("{}-{}", id.to_lowercase(), proof(secret))
}

/// Splits the part of an email address in front of the `@` into the source's id and the proof.
pub fn parse_address(local: &str) -> Option<(&str, String)> {
    // The text after a plus is a tag that the sender chose.
    let local = local.split('+').next().unwrap_or_default();
    let (id, proof) = local.split_once('-')?;
    Some((id, proof.to_lowercase()))
}

/// The proof for a secret. It is a hash, so that the email address does not reveal the secret.
fn proof(secret: &[u8]) -> String {
    verify::secret_hash("address of mail", secret).chars().take(PROOF).collect()
}

/// The alert source for emails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Email;

impl AlertSource for Email {
    fn kind(&self) -> &'static str {
        "email"
    }

    fn name(&self) -> &'static str {
        "Email"
    }

    fn docs(&self) -> &'static str {
        "1. Configure your system to send its emails to `{email}`. Everybody who knows the address can create alerts. \
         If the address leaks, rotate the secret: the alert source then gets a new address.\n\
         2. Send an email, and check the alert that it created.\n\
         \n\
         The title of the alert is the subject, and the description is the text. Each email fires an alert. If the \
         subject states a state in the way that monitoring systems do (`[FIRING:2] …`, `** RECOVERY Service Alert: … \
         **`, `OK: …`, `Monitor is UP: …`), Firebell uses that state, and the rest of the subject identifies the \
         alert. Otherwise, a reply (`Re: …`) belongs to the alert of the first email in its thread, and every other \
         email is a new alert.\n\
         \n\
         If your emails need other rules, set `email_options.transform_expression`, as for a custom HTTP source: \
         `{\"title\": payload.subject, \"status\": \"resolved\" if \"is well again\" in payload.text else \"firing\", \
         \"deduplication_key\": payload.from.address}`. `email_options.redactions` removes `credit_card_numbers`, \
         `us_social_security_numbers` and `phone_numbers` before Firebell stores anything.\n\
         \n\
         Your own mail server can also post the emails that it receives, as `message/rfc822`, to `{url}` with the \
         header `Authorization: Bearer {secret}`.\n"
    }

    fn example(&self) -> Value {
        example("PROBLEM", "CRITICAL", "<20261117.1@nagios.example.com>")
    }

    fn example_resolved(&self) -> Value {
        example("RECOVERY", "OK", "<20261117.2@nagios.example.com>")
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::Email
    }

    fn options(&self) -> Option<KindOptions> {
        Some(KindOptions::Email)
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn verify<'a>(
        &self,
        delivery: &Delivery<'a>,
        secret: &secrecy::SecretString,
        previous: Option<&secrecy::SecretString>,
    ) -> Result<Verified<'a>, VerifyError> {
        use secrecy::ExposeSecret;
        let proof = |secret: &secrecy::SecretString| proof(secret.expose_secret().as_bytes()).into();
        verify::token(delivery, secret, previous)
            .or_else(|_| verify::token(delivery, &proof(secret), previous.map(proof).as_ref()))
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        let document = parsed_alert::object(&text)?;
        let mut collector = Collector::default();
        let content_key = |fields: &Map<String, Value>| {
            let content = serde_json::to_string(fields).unwrap_or_default();
            delivery.delivery().content_key(&content)
        };
        let parse = |fields: &Map<String, Value>| {
            Ok(match mail_of_ses(fields) {
                Some(mail) => parse_mail(&mail, || content_key(fields)),
                None => parse_mail(fields, || content_key(fields)),
            })
        };
        // A Lambda event of SES, for customers who forward such events.
        match json::fields(document, ["Records"]) {
            Ok([Some(records)]) if records.get().starts_with('[') => {
                json::each(records, |record| parsed_alert::add(&mut collector, "Email", record, parse))
                    .map_err(|error| ParseError::NotJson { reason: error.to_string() })?;
            }
            // Every other object fires as well, because everybody who knows the address wants to reach somebody.
            Ok(_) | Err(_) => parsed_alert::add(&mut collector, "Email", document, parse),
        }
        Ok(collector.finish())
    }
}

/// The email in a notification of SES, without its text, which the notification does not contain.
fn mail_of_ses(fields: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mail = fields.get("ses").and_then(Value::as_object).unwrap_or(fields).get("mail")?.as_object()?;
    let headers = mail.get("commonHeaders")?.as_object()?;
    let from = field::value_at(headers, "from")?.as_array()?.first().and_then(field::plain);
    let mail = json!({
        "subject": headers.get("subject"),
        "message_id": headers.get("messageId"),
        "from": { "address": from },
    });
    mail.as_object().cloned()
}

/// Parses an email.
fn parse_mail(fields: &Map<String, Value>, content_key: impl FnOnce() -> String) -> Option<ParsedAlert> {
    let subject = field::text(fields, "subject").unwrap_or_default();
    let text = field::text(fields, "text");
    let parsed = subject::parse(&subject);
    let key = match &parsed.state {
        Some(_) if !parsed.about.is_empty() => {
            let from = field::first_text(fields, &["from.address"]).unwrap_or_default();
            format!("{}: {}", from.to_lowercase(), parsed.about)
        }
        Some(_) | None => {
            let thread = if parsed.is_reply { thread(fields) } else { None };
            thread.or_else(|| field::text(fields, "message_id")).unwrap_or_else(content_key)
        }
    };
    Some(ParsedAlert {
        status: Some(parsed.state.unwrap_or(domain::alert::AlertStatus::Firing)),
        key,
        title: Some(subject)
            .filter(|subject| !subject.is_empty())
            .or_else(|| Some("Email without a subject".to_owned())),
        description: text.clone(),
        url: text.as_deref().and_then(link),
        priority: field::text(fields, "priority"),
        // The date header is set by the sender's clock, which may be wrong.
        occurred_at: None,
    })
}

/// The Message-ID of the first email in the thread of a reply.
fn thread(fields: &Map<String, Value>) -> Option<String> {
    let first = fields.get("references").and_then(Value::as_array).and_then(|ids| ids.first());
    first.and_then(field::plain).or_else(|| field::text(fields, "in_reply_to"))
}

/// The first link in a text.
fn link(text: &str) -> Option<String> {
    let starts = text.match_indices("http").map(|(at, _)| &text[at..]);
    let links = starts.filter_map(|rest| {
        let link = rest.split(|c: char| c.is_whitespace() || "<>\"'`)]".contains(c)).next()?;
        field::url(Some(link.trim_end_matches(['.', ',', ';', ':', '!', '?']).to_owned()))
    });
    links.take(1).next()
}

/// An example of an email from Nagios.
fn example(kind: &str, state: &str, id: &str) -> Value {
    json!({
        "message_id": id,
        "subject": format!("** {kind} Service Alert: db-1/Disk is {state} **"),
        "from": { "name": "Nagios", "address": "nagios@example.com" },
        "to": ["alerts@example.com"],
        "date": "2026-11-17T09:30:00Z",
        "text": format!("Service: Disk\nHost: db-1\nState: {state}\n\nhttps://nagios.example.com/db-1/disk\n"),
        "priority": "high",
        "headers": { "x-nagios-host": "db-1" },
        "attachments": [],
        "verdicts": { "spf": "PASS", "dkim": "PASS", "dmarc": "PASS", "spam": "PASS", "virus": "PASS" },
    })
}

#[cfg(test)]
mod tests {
    use domain::alert::AlertStatus;

    use super::*;

    fn alert_of(mail: Value) -> ParsedAlert {
        parse_mail(mail.as_object().unwrap(), || "spare".to_owned()).unwrap()
    }

    #[test]
    fn emails_without_a_state_belong_to_the_alert_of_their_thread() {
        let first = alert_of(json!({"subject": "Backup failed", "message_id": "<1@x>"}));
        let again = alert_of(json!({"subject": "Backup failed", "message_id": "<2@x>"}));
        let reply =
            alert_of(json!({"subject": "Re: Backup failed", "message_id": "<3@x>", "in_reply_to": "<1@x>"}));
        let late =
            alert_of(json!({"subject": "Re: Backup failed", "message_id": "<4@x>", "in_reply_to": "<3@x>",
            "references": ["<1@x>", "<3@x>"]}));
        let other = alert_of(json!({"subject": "Disk full", "message_id": "<5@x>", "in_reply_to": "<1@x>",
            "references": ["<1@x>"]}));
        let bare = alert_of(json!({"text": "disk"}));

        assert_eq!((first.key.as_str(), again.key.as_str()), ("<1@x>", "<2@x>"));
        assert_eq!((reply.key, late.key), (first.key.clone(), first.key));
        assert_eq!(other.key, "<5@x>", "monitoring systems also put different alerts into one thread");
        assert_eq!((bare.key.as_str(), bare.title.as_deref()), ("spare", Some("Email without a subject")));
        assert_eq!(bare.status, Some(AlertStatus::Firing));
    }

    #[test]
    fn subject_with_a_state_identifies_one_alert_of_one_sender() {
        let mail =
            |from: &str, subject: &str| alert_of(json!({"subject": subject, "from": {"address": from}}));
        let down = mail("A@x", "Monitor is DOWN: shop");
        let up = mail("a@x", "Monitor is UP: shop");

        assert_eq!((down.status, up.status), (Some(AlertStatus::Firing), Some(AlertStatus::Resolved)));
        assert_eq!(down.key, up.key);
        assert_ne!(down.key, mail("b@x", "Monitor is DOWN: shop").key);
        assert_ne!(down.key, mail("a@x", "Monitor is DOWN: blog").key);
    }

    #[test]
    fn first_link_of_the_text_is_found() {
        let cases = [
            ("See https://a.example/x?y=1, or <https://b.example>.", Some("https://a.example/x?y=1")),
            ("(http://a.example/x).", Some("http://a.example/x")),
            ("http, https:// and httpd", None),
        ];
        for (text, expected) in cases {
            assert_eq!(link(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn address_survives_a_server_that_changes_case_and_adds_to_it() {
        let local = address("01JD0000000000000000000000", b"secret");

        let (id, proof) =
            parse_address(&local.to_uppercase()).map(|(id, proof)| (id.to_owned(), proof)).unwrap();
        assert_eq!((id.as_str(), proof.len()), ("01JD0000000000000000000000", PROOF));
        assert_eq!(parse_address(&format!("{local}+db")).unwrap().1, proof);
        assert!(local.len() <= 64 && parse_address("postmaster").is_none());
    }
}
