//! The outbox: events on the item that was inserted with them, read again from the table's stream.

use domain::event::Event;
use domain::notification::Notification;
use domain::trace::Trace;
use serde::{Deserialize, Serialize};

use crate::table;

/// An event as it stands in an outbox.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    /// The event.
    Event(Event),
    /// The item that carries this is the page that is due: it is not written twice.
    ThisPageIsDue,
}

/// Writes events into an outbox.
pub(crate) fn outbox(events: &[Event], on_the_page: bool) -> String {
    let stored: Vec<Stored> = events
        .iter()
        .map(|event| match event {
            Event::NotificationDue { .. } if on_the_page => Stored::ThisPageIsDue,
            other => Stored::Event(other.clone()),
        })
        .collect();
    serde_json::to_string(&stored).expect("events are plain values")
}

/// A record of the stream that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("a record of the stream cannot be read: {0}")]
pub struct Undecodable(String);

/// The events that an inserted item carries, and the trace that they belong to.
///
/// # Errors
/// [`Undecodable`] if this version cannot read them.
pub fn outbox_of(image: serde_dynamo::Item) -> Result<Vec<(Trace, Event)>, Undecodable> {
    /// What matters of an image.
    #[derive(Deserialize)]
    struct Carrier {
        outbox: Option<String>,
        trace: Option<Trace>,
    }
    debug_assert_eq!((table::OUTBOX, table::TRACE), ("outbox", "trace"));

    let wrong = |error: &dyn std::fmt::Display| Undecodable(error.to_string());
    let carrier: Carrier = serde_dynamo::from_item(image.clone()).map_err(|error| wrong(&error))?;
    let Some(text) = carrier.outbox else { return Ok(Vec::new()) };
    let stored: Vec<Stored> = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    let trace = carrier.trace.ok_or_else(|| Undecodable("it has no trace".to_owned()))?;
    stored
        .into_iter()
        .map(|stored| {
            let event = match stored {
                Stored::Event(event) => event,
                Stored::ThisPageIsDue => {
                    let notification: Notification =
                        serde_dynamo::from_item(image.clone()).map_err(|error| wrong(&error))?;
                    Event::NotificationDue { notification: Box::new(notification) }
                }
            };
            Ok((trace.clone(), event))
        })
        .collect()
}
