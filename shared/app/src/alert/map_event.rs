//! Maps a received event with the mapping that the source is configured with.

use std::borrow::Cow;

use domain::alert::ReceivedEvent;
use domain::source::Template;
use domain::source::redaction::redact;
use domain::template::Problem;
use store::StoreError;

use crate::{AppError, Rules};

/// A mapped event, with the problems that the mapping found.
pub(super) struct MappedEvent<'a> {
    /// The event.
    pub(super) received: Cow<'a, ReceivedEvent>,
    /// What failed.
    pub(super) problems: Vec<String>,
}

/// Maps an event with the configuration of its source. If the mapping fails, the problem is recorded and the event
/// stays as it was received.
pub(super) async fn map_event<'a>(
    rules: &Rules,
    received: &'a ReceivedEvent,
) -> Result<MappedEvent<'a>, AppError> {
    let as_it_came = MappedEvent { received: Cow::Borrowed(received), problems: Vec::new() };
    // An event that a person triggered again was mapped before.
    if sources::transform_options(&received.kind.0).is_none() || received.asked_by.is_some() {
        return Ok(as_it_came);
    }
    match rules.of(received.org).await?.source(received.source).await {
        Ok(Some(source)) => Ok(map_by(Some(&source.template), received)),
        // The unreadable source is recorded on the alert where its template is applied.
        Ok(None) | Err(StoreError::Item { .. }) => Ok(as_it_came),
        Err(error) => Err(error.into()),
    }
}

/// Maps an event with a template: applies its redactions and its custom mapping.
pub(super) fn map_by<'a>(template: Option<&Template>, received: &'a ReceivedEvent) -> MappedEvent<'a> {
    let as_it_came = MappedEvent { received: Cow::Borrowed(received), problems: Vec::new() };
    let (Some(template), Some(options)) = (template, sources::transform_options(&received.kind.0)) else {
        return as_it_came;
    };
    if template.custom.is_none() && template.redactions.is_empty() {
        return as_it_came;
    }
    let event = received.event.clone();
    let (mut event, mut problems) = match &template.custom {
        Some(custom) => sources::apply_custom_options(event, custom, options),
        None => (event, Vec::new()),
    };
    // After the mapping, because a key is made of what the sender wrote.
    sources::redact_event(&mut event, &template.redactions);
    for Problem(problem) in &mut problems {
        *problem = redact(&template.redactions, problem).into_owned();
    }
    let received = ReceivedEvent {
        event,
        kind: received.kind.clone(),
        asked_by: received.asked_by.clone(),
        ..*received
    };
    let problems = problems.into_iter().map(|Problem(problem)| problem).collect();
    MappedEvent { received: Cow::Owned(received), problems }
}
