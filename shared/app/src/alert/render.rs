//! Renders an alert with its source's template. A part that fails is recorded as a problem and left out.

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

/// The most bytes of the original description that are kept beside the rendered one.
const SENT_BYTES: usize = 8 * 1024;

/// The template of a source, or why it is missing.
#[derive(Clone)]
pub(super) enum SourceTemplate {
    /// The template of this source.
    Source(Arc<Source>),
    /// A template that is given, for a preview or a summary.
    Given(Box<Template>),
    /// The source was deleted.
    Deleted,
    /// The source cannot be read.
    Unreadable,
}

impl SourceTemplate {
    /// The template, if there is one.
    pub(super) fn template(&self) -> Option<&Template> {
        match self {
            Self::Source(source) => Some(&source.template),
            Self::Given(template) => Some(template),
            Self::Deleted | Self::Unreadable => None,
        }
    }

    /// The priority mapping, if the template has one.
    pub(super) fn priority(&self) -> Option<&Priorities> {
        self.template()?.priority.as_ref()
    }
}

/// A rendered alert.
pub(super) struct RenderedAlert {
    /// Its content.
    pub(super) body: Body,
    /// The payload.
    pub(super) payload: Value,
    /// Required attributes without a value. They are recorded, but they do not notify anybody.
    pub(super) missing: Vec<String>,
}

/// The template of a source.
pub(super) async fn template_of(rules: &Snapshot, source: SourceId) -> Result<SourceTemplate, AppError> {
    match rules.source(source).await {
        Ok(Some(source)) => Ok(SourceTemplate::Source(source)),
        Ok(None) => Ok(SourceTemplate::Deleted),
        Err(StoreError::Item { .. }) => Ok(SourceTemplate::Unreadable),
        Err(error) => Err(error.into()),
    }
}

/// Renders the body of an alert; missing attributes are among its problems.
pub(super) async fn body_of(
    rules: &Snapshot,
    (received, problems): (&ReceivedEvent, &[String]),
) -> Result<Body, AppError> {
    let template = template_of(rules, received.source).await?;
    let RenderedAlert { mut body, missing, .. } = body_by(rules, &template, (received, problems)).await?;
    body.problems.extend(missing);
    Ok(body)
}

/// Renders an alert with a template.
pub(super) async fn body_by(
    rules: &Snapshot,
    found: &SourceTemplate,
    (received, problems): (&ReceivedEvent, &[String]),
) -> Result<RenderedAlert, AppError> {
    let mut problems = problems.to_vec();
    if matches!(found, SourceTemplate::Unreadable) {
        problems.push("the configuration of the alert source could not be read".to_owned());
    }
    let default = Template::default();
    let template = found.template().unwrap_or(&default);
    let attributes = attributes_of(rules, template, &mut problems).await?;
    Ok(render(template, attributes.as_deref().map(Vec::as_slice), received, problems))
}

/// The organisation's alert attributes, if the template binds any.
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

/// The payload as a value; null, with a problem, if it is not valid JSON.
pub(super) fn payload_of(received: &ReceivedEvent, problems: &mut Vec<String>) -> Value {
    serde_json::from_str(received.event.payload.get()).unwrap_or_else(|error| {
        problems.push(format!("the payload is not valid JSON: {error}"));
        Value::Null
    })
}

/// Renders an alert.
fn render(
    template: &Template,
    attributes: Option<&[Configured<Attribute>]>,
    as_sent: &ReceivedEvent,
    mut problems: Vec<String>,
) -> RenderedAlert {
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
    // A template may render a whole payload, which would not fit into an item.
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
    RenderedAlert { body, payload, missing }
}
