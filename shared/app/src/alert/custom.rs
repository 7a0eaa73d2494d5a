//! Makes of an event what the source's customer says that its sender's words mean.

use std::borrow::Cow;

use domain::alert::ReceivedEvent;
use domain::source::Template;
use domain::template::Problem;
use store::StoreError;

use crate::{AppError, Rules};

/// An event as it is handled, and what failed before it was.
pub(super) struct Arrived<'a> {
    /// The event.
    pub(super) received: Cow<'a, ReceivedEvent>,
    /// What failed.
    pub(super) noted: Vec<String>,
}

/// The event as the source's customer means it. What fails is noted, and the event stays as it came.
pub(super) async fn arrived<'a>(rules: &Rules, received: &'a ReceivedEvent) -> Result<Arrived<'a>, AppError> {
    let as_it_came = Arrived { received: Cow::Borrowed(received), noted: Vec::new() };
    // What fires again by hand was read once.
    if sources::transform_options(&received.kind.0).is_none() || received.asked_by.is_some() {
        return Ok(as_it_came);
    }
    match rules.of(received.org).await?.source(received.source).await {
        Ok(Some(source)) => Ok(meant(Some(&source.template), received)),
        // That it cannot be read is noted where its template is wanted.
        Ok(None) | Err(StoreError::Item { .. }) => Ok(as_it_came),
        Err(error) => Err(error.into()),
    }
}

/// The event as a customer means it, without what they want removed.
pub(super) fn meant<'a>(template: Option<&Template>, received: &'a ReceivedEvent) -> Arrived<'a> {
    let as_it_came = Arrived { received: Cow::Borrowed(received), noted: Vec::new() };
    let (Some(template), Some(options)) = (template, sources::transform_options(&received.kind.0)) else {
        return as_it_came;
    };
    if template.custom.is_none() && template.redactions.is_empty() {
        return as_it_came;
    }
    let mut event = received.event.clone();
    sources::redact_event(&mut event, &template.redactions);
    let (event, problems) = match &template.custom {
        Some(custom) => sources::apply_custom_options(event, custom, options),
        None => (event, Vec::new()),
    };
    let received = ReceivedEvent {
        event,
        kind: received.kind.clone(),
        asked_by: received.asked_by.clone(),
        ..*received
    };
    let noted = problems.into_iter().map(|Problem(problem)| problem).collect();
    Arrived { received: Cow::Owned(received), noted }
}
