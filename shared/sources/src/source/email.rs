//! Mail: whatever can do nothing else can send one.
//!
//! What is read here is a mail that was taken apart, as the `mail` crate makes it of one's bytes. A mail has no field
//! that says whether it fires: its subject may, in the words that monitoring systems use.

use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::Collector;
use crate::scope::{Variable, VariableType};
use crate::told::{self, Told};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field, json, verify};

mod subject;

/// The name in the API.
pub const KIND: &str = "email";

/// How many characters the proof in an address has.
const PROOF: usize = 24;

/// Where a binding finds what a mail has.
const SCOPE: &[Variable] = &[
    Variable::new("payload.subject", "Subject", VariableType::Text),
    Variable::new("payload.text", "Text", VariableType::Text),
    Variable::new("payload.from.address", "Who it is from", VariableType::Text),
    Variable::new("payload.from.name", "The sender's name", VariableType::Text),
    Variable::new("payload.message_id", "Message-ID", VariableType::Text),
    Variable::new(
        "payload.headers",
        "Headers of the sender's own, and those that say how important it is",
        VariableType::Map,
    ),
    Variable::new("payload.verdicts", "What SES found out of sender and content", VariableType::Map),
];

/// What stands before the `@` of a source's address: the source, and a proof that only its address has. Neither
/// depends on the case of a letter, which mail servers do not keep.
pub fn address(id: &str, secret: &[u8]) -> String {
    format!("{}-{}", id.to_lowercase(), proof(secret))
}

/// The source and the proof of what stands before an `@`.
pub fn addressed(local: &str) -> Option<(&str, String)> {
    // What stands behind a plus is the sender's own.
    let local = local.split('+').next().unwrap_or_default();
    let (id, proof) = local.split_once('-')?;
    Some((id, proof.to_lowercase()))
}

/// What the secret becomes in an address: who knows the address does not know the secret.
fn proof(secret: &[u8]) -> String {
    verify::key_hash("address of mail", secret).chars().take(PROOF).collect()
}

/// Mail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Email;

impl AlertSource for Email {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn name(&self) -> &'static str {
        "Email"
    }

    fn docs(&self) -> &'static str {
        "1. Let your system send its mails to `{email}`. Whoever knows the address can page; rotate the secret if it has \
         got out, and the address is another one.\n\
         2. Send one, and look what became of it.\n\
         \n\
         The subject is the title, the text is the description. A mail fires. Where its subject says a state in the way \
         that monitoring systems do (`[FIRING:2] …`, `** RECOVERY Service Alert: … **`, `OK: …`, `Monitor is UP: …`), \
         that counts, and what is left of the subject without it tells one alert from another. Otherwise a reply belongs \
         to the mail that its thread began with, and any other mail is an alert of its own.\n\
         \n\
         Where that does not fit, `email_options.transform_expression` says what a mail means, as that of a custom HTTP \
         source does: `{\"title\": payload.subject, \"status\": \"resolved\" if \"is well again\" in payload.text else \
         \"firing\", \"deduplication_key\": payload.from.address}`. `email_options.redactions` removes \
         `credit_card_numbers`, `us_social_security_numbers` and `phone_numbers` before anything is kept.\n\
         \n\
         A mail server of your own can also post what it gets, as `message/rfc822`, to `{url}` with the header \
         `Authorization: Bearer {secret}`.\n"
    }

    fn example(&self) -> Value {
        example("PROBLEM", "CRITICAL", "<20261117.1@nagios.example.com>")
    }

    fn example_resolved(&self) -> Value {
        example("RECOVERY", "OK", "<20261117.2@nagios.example.com>")
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

    fn parse(&self, delivery: Verified<'_>, spare_key: &str) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        let document = told::object(&text)?;
        let mut collector = Collector::default();
        let read = |fields: &Map<String, Value>| {
            Ok(match of_ses(fields) {
                Some(told) => read(&told, spare_key),
                None => read(fields, spare_key),
            })
        };
        // As SES hands mails to Lambda, should somebody pass that on.
        match json::fields(document, ["Records"]) {
            Ok([Some(records)]) if records.get().starts_with('[') => {
                json::each(records, |record| told::add(&mut collector, "Email", record, read))
                    .map_err(|error| ParseError::NotJson { reason: error.to_string() })?;
            }
            // Whatever it is: who knows the address wants somebody to be told.
            Ok(_) | Err(_) => told::add(&mut collector, "Email", document, read),
        }
        Ok(collector.finish())
    }
}

/// The mail that SES tells of, as far as it says what that is: its text is elsewhere.
fn of_ses(fields: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mail = fields.get("ses").and_then(Value::as_object).unwrap_or(fields).get("mail")?.as_object()?;
    let headers = mail.get("commonHeaders")?.as_object()?;
    let from = field::at(headers, "from")?.as_array()?.first().and_then(field::plain);
    let told = json!({ "subject": headers.get("subject"), "message_id": headers.get("messageId"), "from": { "address": from } });
    told.as_object().cloned()
}

/// Reads a mail.
fn read(fields: &Map<String, Value>, spare_key: &str) -> Option<Told> {
    let subject = field::of(fields, "subject").unwrap_or_default();
    let text = field::of(fields, "text");
    let said = subject::read(&subject);
    let key = match &said.state {
        Some(_) if !said.about.is_empty() => {
            let from = field::find(fields, &["from.address"]).unwrap_or_default();
            format!("{}: {}", from.to_lowercase(), said.about)
        }
        Some(_) | None => {
            let began = fields.get("references").and_then(Value::as_array).and_then(|ids| ids.first());
            let began = began.and_then(field::plain).or_else(|| field::of(fields, "in_reply_to"));
            began.or_else(|| field::of(fields, "message_id")).unwrap_or_else(|| spare_key.to_owned())
        }
    };
    Some(Told {
        status: Some(said.state.unwrap_or(domain::alert::AlertStatus::Firing)),
        key,
        title: Some(subject)
            .filter(|subject| !subject.is_empty())
            .or_else(|| Some("A mail without a subject".to_owned())),
        description: text.clone(),
        url: text.as_deref().and_then(link),
        priority: field::of(fields, "priority"),
        // What a sender writes as its date need not be one.
        occurred_at: None,
    })
}

/// The first link of a text.
fn link(text: &str) -> Option<String> {
    let starts = text.match_indices("http").map(|(at, _)| &text[at..]);
    let links = starts.filter_map(|rest| {
        let link = rest.split(|c: char| c.is_whitespace() || "<>\"'`)]".contains(c)).next()?;
        field::url(Some(link.trim_end_matches(['.', ',', ';', ':', '!', '?']).to_owned()))
    });
    links.take(1).next()
}

/// What Nagios might send.
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

    fn told(mail: Value) -> Told {
        read(mail.as_object().unwrap(), "spare").unwrap()
    }

    #[test]
    fn thread_tells_mails_apart_where_the_subject_says_no_state() {
        let first = told(json!({"subject": "Backup failed", "message_id": "<1@x>"}));
        let again = told(json!({"subject": "Backup failed", "message_id": "<2@x>"}));
        let reply =
            told(json!({"subject": "Re: Backup failed", "message_id": "<3@x>", "in_reply_to": "<1@x>"}));
        let late =
            told(json!({"subject": "Re: Backup failed", "message_id": "<4@x>", "in_reply_to": "<3@x>",
            "references": ["<1@x>", "<3@x>"]}));
        let bare = told(json!({"text": "disk"}));

        assert_eq!((first.key.as_str(), again.key.as_str()), ("<1@x>", "<2@x>"));
        assert_eq!((reply.key, late.key), (first.key.clone(), first.key));
        assert_eq!((bare.key.as_str(), bare.title.as_deref()), ("spare", Some("A mail without a subject")));
        assert_eq!(bare.status, Some(AlertStatus::Firing));
    }

    #[test]
    fn subject_with_a_state_is_about_one_thing_of_one_sender() {
        let mail = |from: &str, subject: &str| told(json!({"subject": subject, "from": {"address": from}}));
        let down = mail("A@x", "Monitor is DOWN: shop");
        let up = mail("a@x", "Monitor is UP: shop");

        assert_eq!((down.status, up.status), (Some(AlertStatus::Firing), Some(AlertStatus::Resolved)));
        assert_eq!(down.key, up.key);
        assert_ne!(down.key, mail("b@x", "Monitor is DOWN: shop").key);
        assert_ne!(down.key, mail("a@x", "Monitor is DOWN: blog").key);
    }

    #[test]
    fn first_link_is_where_to_look() {
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

        let (id, proof) = addressed(&local.to_uppercase()).map(|(id, proof)| (id.to_owned(), proof)).unwrap();
        assert_eq!((id.as_str(), proof.len()), ("01JD0000000000000000000000", PROOF));
        assert_eq!(addressed(&format!("{local}+db")).unwrap().1, proof);
        assert!(local.len() <= 64 && addressed("postmaster").is_none());
    }
}
