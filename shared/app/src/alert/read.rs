//! What an alert says, by its source's template. What of that fails is noted, and the alert does without it.

use std::sync::Arc;

use domain::alert::attribute::{missing, said};
use domain::alert::{Attribute, Body, OriginalText, ReceivedEvent};
use domain::choice::Configured;
use domain::expression::Expressions;
use domain::id::SourceId;
use domain::source::{Priorities, Source, Template};
use domain::template::{Binding, Problem};
use domain::text::shorten;
use serde_json::Value;
use sources::limits;
use store::StoreError;

use crate::AppError;
use crate::rules::Snapshot;

/// The bytes of a description that are kept beside the one that is shown.
const SENT_BYTES: usize = 8 * 1024;

/// A source's template, or why there is none.
#[derive(Clone)]
pub(super) enum Found {
    /// The source's own.
    Of(Arc<Source>),
    /// One that is tried out.
    Tried(Box<Template>),
    /// The source is gone.
    Gone,
    /// It cannot be read.
    Unreadable,
}

impl Found {
    /// The template, if there is one.
    pub(super) fn template(&self) -> Option<&Template> {
        match self {
            Self::Of(source) => Some(&source.template),
            Self::Tried(template) => Some(template),
            Self::Gone | Self::Unreadable => None,
        }
    }

    /// What it says of priorities.
    pub(super) fn priority(&self) -> Option<&Priorities> {
        self.template()?.priority.as_ref()
    }
}

/// What was read of an alert.
pub(super) struct Read {
    /// What it says.
    pub(super) body: Body,
    /// The payload.
    pub(super) payload: Value,
    /// What is missing of it, which is told of and no reason to page anybody once more.
    pub(super) missing: Vec<String>,
}

/// The template of a source.
pub(super) async fn template_of(rules: &Snapshot, source: SourceId) -> Result<Found, AppError> {
    match rules.source(source).await {
        Ok(Some(source)) => Ok(Found::Of(source)),
        Ok(None) => Ok(Found::Gone),
        Err(StoreError::Item { .. }) => Ok(Found::Unreadable),
        Err(error) => Err(error.into()),
    }
}

/// What an alert says, everything that is missing among its problems.
pub(super) async fn body_of(
    rules: &Snapshot,
    (received, noted): (&ReceivedEvent, &[String]),
) -> Result<Body, AppError> {
    let template = template_of(rules, received.source).await?;
    let Read { mut body, missing, .. } = body_by(rules, &template, (received, noted)).await?;
    body.problems.extend(missing);
    Ok(body)
}

/// What an alert says by a template.
pub(super) async fn body_by(
    rules: &Snapshot,
    found: &Found,
    (received, noted): (&ReceivedEvent, &[String]),
) -> Result<Read, AppError> {
    let mut problems = noted.to_vec();
    if matches!(found, Found::Unreadable) {
        problems.push("the configuration of the alert source could not be read".to_owned());
    }
    let default = Template::default();
    let template = found.template().unwrap_or(&default);
    let attributes = attributes_of(rules, template, &mut problems).await?;
    Ok(read(template, attributes.as_deref().map(Vec::as_slice), received, problems))
}

/// The attributes, if a template binds any.
async fn attributes_of(
    rules: &Snapshot,
    template: &Template,
    problems: &mut Vec<String>,
) -> Result<Option<Arc<Vec<Configured<Attribute>>>>, AppError> {
    if template.attributes.is_empty() {
        return Ok(None);
    }
    match rules.attributes().await {
        Ok(attributes) => Ok(Some(attributes)),
        Err(StoreError::Item { .. }) => {
            problems.push("the alert attributes could not be read".to_owned());
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The payload as a value; what cannot be read is as if it were empty, and noted.
pub(super) fn payload_of(received: &ReceivedEvent, problems: &mut Vec<String>) -> Value {
    serde_json::from_str(received.event.payload.get()).unwrap_or_else(|error| {
        problems.push(format!("the payload is not valid JSON: {error}"));
        Value::Null
    })
}

/// Reads an alert.
fn read(
    template: &Template,
    attributes: Option<&[Configured<Attribute>]>,
    as_sent: &ReceivedEvent,
    mut problems: Vec<String>,
) -> Read {
    let received = &*Priorities::apply(template.priority.as_ref(), as_sent);
    let payload = payload_of(received, &mut problems);
    let event = &received.event;
    let expressions = Expressions::new(&template.expressions, event, &payload);
    let mut text = |binding: &Binding| {
        binding.resolve_in(&expressions).unwrap_or_else(|Problem(problem)| {
            problems.push(problem);
            None
        })
    };
    // A template may name a whole payload, which no item would hold.
    let title = text(&template.title).map(|title| shorten(&title, limits::TITLE_BYTES));
    let description = text(&template.description).map(|text| shorten(&text, limits::DESCRIPTION_BYTES));
    let known = attributes.unwrap_or_default();
    let (said, failed) = said(&template.attributes, known, &expressions);
    let lacks = attributes.map(|known| missing(&said, known)).unwrap_or_default();
    if attributes.is_some() {
        problems.extend(failed.into_iter().map(|Problem(problem)| problem));
    }
    problems.extend(expressions.into_problems().into_iter().map(|Problem(problem)| problem));
    let title = title.unwrap_or_else(|| event.title.clone());
    let description = description.or_else(|| event.description.clone());
    let shown = (title.as_str(), description.as_deref(), event.priority.as_deref());
    let body = Body {
        sent: OriginalText::of(&as_sent.event, shown, SENT_BYTES),
        title,
        description,
        source_url: event.source_url.clone(),
        priority: event.priority.clone(),
        attributes: said,
        deduplication_key: event.deduplication_key.clone(),
        problems,
        updated_at: received.received_at,
    };
    let missing = lacks.into_iter().map(|Problem(problem)| problem).collect();
    Read { body, payload, missing }
}
