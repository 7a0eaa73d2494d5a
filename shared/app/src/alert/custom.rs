//! Makes of an event what the source's customer says that its sender's words mean.

use std::borrow::Cow;

use domain::alert::Received;
use domain::source::Custom;
use domain::template::Problem;
use store::StoreError;

use crate::{AppError, Rules};

/// An event as it is handled, and what failed before it was.
pub(super) struct Arrived<'a> {
    /// The event.
    pub(super) received: Cow<'a, Received>,
    /// What failed.
    pub(super) noted: Vec<String>,
}

/// The event as the source's customer means it. What fails is noted, and the event stays as it came.
pub(super) async fn arrived<'a>(rules: &Rules, received: &'a Received) -> Result<Arrived<'a>, AppError> {
    let as_it_came = Arrived { received: Cow::Borrowed(received), noted: Vec::new() };
    // What fires again by hand was read once.
    if received.kind.0 != sources::CUSTOM || received.asked_by.is_some() {
        return Ok(as_it_came);
    }
    match rules.of(received.org).await?.source(received.source).await {
        Ok(Some(source)) => Ok(meant(source.template.custom.as_ref(), received)),
        // That it cannot be read is noted where its template is wanted.
        Ok(None) | Err(StoreError::Item { .. }) => Ok(as_it_came),
        Err(error) => Err(error.into()),
    }
}

/// The event as a customer means it.
pub(super) fn meant<'a>(custom: Option<&Custom>, received: &'a Received) -> Arrived<'a> {
    let Some(custom) = custom else {
        return Arrived { received: Cow::Borrowed(received), noted: Vec::new() };
    };
    let (event, problems) = sources::custom_event(received.event.clone(), custom);
    let received =
        Received { event, kind: received.kind.clone(), asked_by: received.asked_by.clone(), ..*received };
    let noted = problems.into_iter().map(|Problem(problem)| problem).collect();
    Arrived { received: Cow::Owned(received), noted }
}
