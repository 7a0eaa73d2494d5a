//! The alert source for Zendesk's tickets, which come through a trigger with our payload, or through a webhook that is
//! subscribed to events.

use domain::alert::AlertStatus;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::UnreadableReason;
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::verify::{self, Encoding, HeaderContent, Signature, SignedHeader, SigningKey};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field};

/// The format of Zendesk's signatures: over the time, directly followed by the body.
const SIGNATURE: Signature = Signature {
    header: "x-zendesk-webhook-signature",
    prefix: "",
    separator: None,
    encoding: Encoding::Base64,
    signed_headers: &[SignedHeader {
        header: "x-zendesk-webhook-signature-timestamp",
        content: HeaderContent::Rfc3339,
        separator: "",
    }],
    key: SigningKey::Text,
};

/// The prefix of the types of events about tickets.
const TICKET_EVENT: &str = "zen:event-type:ticket.";

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.ticket_id", "Ticket number", VariableType::Text),
    Variable::new("payload.status", "Ticket status", VariableType::Text),
    Variable::new("payload.priority", "Ticket priority", VariableType::Text),
    Variable::new("payload.description", "Ticket description", VariableType::Text),
];

/// The alert source for Zendesk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zendesk;

impl AlertSource for Zendesk {
    fn kind(&self) -> &'static str {
        "zendesk"
    }

    fn name(&self) -> &'static str {
        "Zendesk"
    }

    fn docs(&self) -> &'static str {
        "1. In the Zendesk Admin Center, open Apps and integrations → Webhooks → Create webhook, and choose *Trigger \
         or automation*.\n\
         2. Set *Endpoint URL* to `{url}`, *Request method* to POST, *Request format* to JSON, and *Authentication* to \
         *Bearer token* with `{secret}`. Create the webhook.\n\
         3. Under Objects and rules → Triggers, create a trigger for the tickets that create alerts. The trigger must \
         also run when the status of these tickets changes. Give it the action *Notify active webhook* with this \
         body:\n\
         \n\
         ```json\n\
         {\"ticket_id\":\"{{ticket.id}}\",\"title\":\"{{ticket.title}}\",\"status\":\"{{ticket.status}}\",\"priority\":\"{{ticket.priority}}\",\"url\":\"https://{{ticket.url}}\",\"description\":\"…\"}\n\
         ```\n\
         \n\
         4. Create a ticket that matches the trigger.\n\
         \n\
         Each ticket becomes one alert. It resolves when the status of the ticket is solved, closed or deleted. The \
         statuses pending and on hold change nothing. `{{ticket.status}}` is in the language of your account. If that \
         is not English, create a second trigger that sends `\"status\":\"solved\"`. If a title contains a double \
         quote, the body is not valid JSON: Firebell then refuses it with 400, and this alert source shows it as its \
         last error.\n\
         \n\
         Zendesk can also sign its requests. Leave *Authentication* at *None*, reveal the *signing secret* of the \
         webhook, and set it as the `secret_token` of this alert source. A webhook that is subscribed to *Zendesk \
         events* can send *Ticket created* and *Ticket status changed* without a trigger. These events contain no link \
         to the ticket.\n"
    }

    fn example(&self) -> Value {
        example("Open")
    }

    fn example_resolved(&self) -> Value {
        example("Solved")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn signatures(&self) -> &'static [Signature] {
        &[SIGNATURE]
    }

    fn verify<'a>(
        &self,
        delivery: &Delivery<'a>,
        secret: &SecretString,
        previous: Option<&SecretString>,
    ) -> Result<Verified<'a>, VerifyError> {
        // Zendesk signs every request, even if the customer has not given us the signing secret. A right token is then
        // sufficient.
        verify::token(delivery, secret, previous).or_else(|refused| match refused {
            VerifyError::Missing => SIGNATURE.verify(delivery, secret, previous),
            VerifyError::Wrong | VerifyError::Stale | VerifyError::Replayed | VerifyError::WrongTopic => {
                Err(refused)
            }
        })
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        parsed_alert::single("Zendesk ticket", &parsed_alert::body(delivery.delivery(), None), |fields| {
            match field::text(fields, "type").filter(|kind| kind.starts_with("zen:")) {
                Some(kind) => match kind.strip_prefix(TICKET_EVENT) {
                    Some(kind) => event(kind, fields),
                    None => Ok(None),
                },
                None => ticket(fields),
            }
        })
    }
}

/// Parses an event about a ticket.
fn event(kind: &str, fields: &Map<String, Value>) -> ParseResult {
    let status = match kind {
        "created" => Some(AlertStatus::Firing),
        "status_changed" => status(field::first_text(fields, &["event.current", "detail.status"]).as_deref()),
        "soft_deleted" | "permanently_deleted" => Some(AlertStatus::Resolved),
        _ => return Ok(None),
    };
    let in_subject = || Some(field::text(fields, "subject")?.strip_prefix("zen:ticket:")?.to_owned());
    let id = field::first_text(fields, &["detail.id"]).or_else(in_subject);
    let id = id.ok_or(UnreadableReason::UnexpectedShape {
        expected: "an event about a ticket with a `detail.id`",
    })?;
    let account = field::text(fields, "account_id");
    Ok(Some(ParsedAlert {
        status,
        key: account.map_or_else(|| id.clone(), |account| format!("{account}:{id}")),
        title: field::first_text(fields, &["detail.subject"]),
        description: field::first_text(fields, &["detail.description"]),
        url: None,
        priority: field::first_text(fields, &["detail.priority"]),
        occurred_at: field::time(field::text(fields, "time")),
    }))
}

/// Parses the payload of a trigger: our payload, or one with similar names.
fn ticket(fields: &Map<String, Value>) -> ParseResult {
    let words = ["event_type", "status", "ticket_status"].iter().map(|name| field::text(fields, name));
    let status = words
        .flatten()
        .map(|word| self::status(Some(&word)))
        .find(|status| *status != Some(AlertStatus::Firing));
    let url = ["url", "link", "ticket_url"].iter().find_map(|name| field::url(field::text(fields, name)));
    let id = field::first_text(fields, &["ticket_id", "id"]);
    Ok(Some(ParsedAlert {
        status: status.unwrap_or(Some(AlertStatus::Firing)),
        key: id.ok_or(UnreadableReason::UnexpectedShape { expected: "a payload with a `ticket_id`" })?,
        title: field::first_text(fields, &["title", "ticket_title", "subject"]),
        description: field::first_text(fields, &["description", "ticket_description", "message"]),
        url,
        priority: field::first_text(fields, &["priority", "ticket_priority"]),
        occurred_at: None,
    }))
}

/// The status for a word. `None` if the word changes nothing. Every unknown word fires.
fn status(word: Option<&str>) -> Option<AlertStatus> {
    match word.unwrap_or_default().to_ascii_lowercase().as_str() {
        "solved" | "closed" | "deleted" | "resolve" | "resolved" => Some(AlertStatus::Resolved),
        "pending" | "hold" | "on-hold" | "on hold" | "acknowledge" | "acknowledged" => None,
        _ => Some(AlertStatus::Firing),
    }
}

/// An example of our payload.
fn example(status: &str) -> Value {
    json!({
        "ticket_id": "5158",
        "title": "Cannot pay by card",
        "status": status,
        "priority": "Urgent",
        "url": "https://example.zendesk.com/agent/tickets/5158",
        "description": "Since this morning every card that I try is declined."
    })
}
