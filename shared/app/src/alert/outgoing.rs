//! A message on its way to `alert-handle`.

use domain::id::{OrgId, SourceId};
use domain::message::Envelope;
use domain::trace::Trace;
use serde::Serialize;
use store::Outgoing;

/// Makes a message about a source. Messages of different sources take turns on the queue.
pub fn outgoing((org, source): (OrgId, SourceId), trace: &Trace, message: impl Serialize) -> Outgoing {
    let envelope = Envelope::new(trace.clone(), message);
    let body = serde_json::to_string(&envelope).expect("messages are plain values");
    Outgoing { body, delay: 0, group: Some(format!("{org}#{source}")) }
}
