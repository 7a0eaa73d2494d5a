//! Zendesk's tickets, through a trigger with our payload, or through a webhook that is subscribed to events.

use domain::alert::AlertStatus;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::Reason;
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::verify::{self, Key, Says, Signature, Stamp, Written};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field};

/// How Zendesk signs: the text of the time, and the body at once after it.
const SIGNATURE: Signature = Signature {
    header: "x-zendesk-webhook-signature",
    prefix: "",
    between: None,
    written: Written::Base64,
    stamps: &[Stamp { header: "x-zendesk-webhook-signature-timestamp", says: Says::Rfc3339, then: "" }],
    key: Key::Text,
};

/// What the type of an event about a ticket begins with.
const TICKET_EVENT: &str = "zen:event-type:ticket.";

/// Where a binding finds what our payload has.
const SCOPE: &[Variable] = &[
    Variable::new("payload.ticket_id", "Number of the ticket", VariableType::Text),
    Variable::new("payload.status", "Status of the ticket", VariableType::Text),
    Variable::new("payload.priority", "Priority of the ticket", VariableType::Text),
    Variable::new("payload.description", "Description of the ticket", VariableType::Text),
];

/// Zendesk.
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
        "1. In Zendesk's Admin Center, open Apps and integrations → Webhooks → Create webhook, and choose *Trigger or \
         automation*.\n\
         2. Set *Endpoint URL* to `{url}`, *Request method* to POST, *Request format* to JSON, and *Authentication* to \
         *Bearer token* with `{secret}`. Create it.\n\
         3. Under Objects and rules → Triggers, make a trigger for the tickets that are to page, which also runs when \
         their status changes, with the action *Notify active webhook* and this as its body:\n\
         \n\
         ```json\n\
         {\"ticket_id\":\"{{ticket.id}}\",\"title\":\"{{ticket.title}}\",\"status\":\"{{ticket.status}}\",\
         \"priority\":\"{{ticket.priority}}\",\"url\":\"https://{{ticket.url}}\",\"description\":\"…\"}\n\
         ```\n\
         \n\
         4. Make a ticket that the trigger is for.\n\
         \n\
         A ticket is one alert: it is over when its status is solved, closed or deleted; pending and on hold change \
         nothing. `{{ticket.status}}` is in the language of your account: where that is not English, let a trigger of \
         its own send `\"status\":\"solved\"`. A double quote in a title makes the body no JSON: it is then refused \
         with 400, and this source says so.\n\
         \n\
         Zendesk can also sign. Then leave *Authentication* at *None*, reveal the webhook's *signing secret*, and \
         change this alert source so that it is its `secret_token`. A webhook that is subscribed to *Zendesk events* \
         can send *Ticket created* and *Ticket status changed* without a trigger; it knows no link.\n"
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
        // Zendesk signs whether or not anybody knows the secret of it; a right token is then as good.
        verify::token(delivery, secret, previous).or_else(|refused| match refused {
            VerifyError::Missing => SIGNATURE.verify(delivery, secret, previous),
            VerifyError::Wrong | VerifyError::Stale | VerifyError::Replayed | VerifyError::Unpinned => {
                Err(refused)
            }
        })
    }

    fn parse(&self, delivery: Verified<'_>, _spare_key: &str) -> Result<Parsed, ParseError> {
        told::one("Zendesk ticket", &told::body(delivery.delivery(), None), |fields| {
            match field::of(fields, "type").filter(|kind| kind.starts_with("zen:")) {
                Some(kind) => match kind.strip_prefix(TICKET_EVENT) {
                    Some(kind) => event(kind, fields),
                    None => Ok(None),
                },
                None => ticket(fields),
            }
        })
    }
}

/// Reads an event about a ticket.
fn event(kind: &str, fields: &Map<String, Value>) -> Reading {
    let status = match kind {
        "created" => Some(AlertStatus::Firing),
        "status_changed" => status(field::find(fields, &["event.current", "detail.status"]).as_deref()),
        "soft_deleted" | "permanently_deleted" => Some(AlertStatus::Resolved),
        _ => return Ok(None),
    };
    let in_subject = || Some(field::of(fields, "subject")?.strip_prefix("zen:ticket:")?.to_owned());
    let id = field::find(fields, &["detail.id"]).or_else(in_subject);
    let id = id.ok_or(Reason::Shapeless { expected: "an event of a ticket with its `detail.id`" })?;
    let account = field::of(fields, "account_id");
    Ok(Some(Told {
        status,
        key: account.map_or_else(|| id.clone(), |account| format!("{account}:{id}")),
        title: field::find(fields, &["detail.subject"]),
        description: field::find(fields, &["detail.description"]),
        url: None,
        priority: field::find(fields, &["detail.priority"]),
        occurred_at: field::time(field::of(fields, "time")),
    }))
}

/// Reads what a trigger sends: our payload, or one with names like it.
fn ticket(fields: &Map<String, Value>) -> Reading {
    let words = ["event_type", "status", "ticket_status"].iter().map(|name| field::of(fields, name));
    let said =
        words.flatten().map(|word| self::status(Some(&word))).find(|said| *said != Some(AlertStatus::Firing));
    let url = ["url", "link", "ticket_url"].iter().find_map(|name| field::url(field::of(fields, name)));
    let id = field::find(fields, &["ticket_id", "id"]);
    Ok(Some(Told {
        status: said.unwrap_or(Some(AlertStatus::Firing)),
        key: id.ok_or(Reason::Shapeless { expected: "a payload with a `ticket_id`" })?,
        title: field::find(fields, &["title", "ticket_title", "subject"]),
        description: field::find(fields, &["description", "ticket_description", "message"]),
        url,
        priority: field::find(fields, &["priority", "ticket_priority"]),
        occurred_at: None,
    }))
}

/// What a status means: over, of no concern, or, with every word that is neither, firing.
fn status(word: Option<&str>) -> Option<AlertStatus> {
    match word.unwrap_or_default().to_ascii_lowercase().as_str() {
        "solved" | "closed" | "deleted" | "resolve" | "resolved" => Some(AlertStatus::Resolved),
        "pending" | "hold" | "on-hold" | "on hold" | "acknowledge" | "acknowledged" => None,
        _ => Some(AlertStatus::Firing),
    }
}

/// What our payload becomes.
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
