//! The tracing layer that turns spans and logged errors into telemetry.

use std::fmt::{Debug, Write};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::export::Exporter;
use super::scrub::scrubbed;

/// The most attributes of a span or an error.
const MOST_FIELDS: usize = 16;

/// An open span. Only spans that belong to a trace are collected.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The trace id.
    pub(super) trace: String,
    /// The span id.
    pub(super) span: String,
    /// The id of the parent span.
    pub(super) parent: Option<String>,
    /// The name of the span.
    pub(super) name: &'static str,
    /// The start, in nanoseconds since 1970.
    pub(super) begun: i128,
    /// The attributes.
    pub(super) fields: Fields,
    /// Whether an error was logged in the span.
    pub(super) failed: bool,
}

/// A logged error.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// The time of the log entry, in nanoseconds since 1970.
    pub(super) at: i128,
    /// The target of the log entry.
    pub(super) target: &'static str,
    /// The message.
    pub(super) message: String,
    /// The attributes.
    pub(super) fields: Fields,
    /// The ids of the trace and of the span, if the error belongs to a span.
    pub(super) place: Option<(String, String)>,
}

/// The names of attributes with their scrubbed values.
pub(super) type Fields = Vec<(&'static str, String)>;

/// Collects spans and errors for an exporter.
pub(super) struct Gather(pub(super) Arc<Exporter>);

/// Visits the fields of a span or a log entry.
#[derive(Default)]
struct Read {
    trace: Option<String>,
    span: Option<String>,
    parent: Option<String>,
    message: String,
    fields: Fields,
}

impl Visit for Read {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        let _infallible = write!(text, "{value:?}");
        self.record_str(field, &text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "trace.id" => self.trace = Some(value.to_owned()),
            "trace.span" => self.span = Some(value.to_owned()),
            "trace.parent" => self.parent = Some(value.to_owned()),
            "message" => self.message = scrubbed(value),
            name if self.fields.len() < MOST_FIELDS => self.fields.push((name, scrubbed(value))),
            _ => {}
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Gather {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(opened) = ctx.span(id) else { return };
        let mut read = Read::default();
        attributes.record(&mut read);
        let (trace, span, parent) = match (read.trace, read.span) {
            (Some(trace), Some(span)) => (trace, span, read.parent),
            (Some(_) | None, _) => {
                let Some(outer) = opened.parent() else { return };
                let known = outer.extensions();
                let Some(part) = known.get::<Part>() else { return };
                let fresh = format!("{:016x}", fastrand::u64(1..));
                (part.trace.clone(), fresh, Some(part.span.clone()))
            }
        };
        let (name, begun, fields) = (attributes.metadata().name(), now(), read.fields);
        opened.extensions_mut().insert(Part { trace, span, parent, name, begun, fields, failed: false });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        if let Some(part) = span.extensions_mut().get_mut::<Part>() {
            let mut read = Read::default();
            values.record(&mut read);
            part.fields.append(&mut read.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut place = None;
        if let Some(span) = ctx.event_span(event)
            && let Some(part) = span.extensions_mut().get_mut::<Part>()
        {
            part.failed = true;
            place = Some((part.trace.clone(), part.span.clone()));
        }
        let mut read = Read::default();
        event.record(&mut read);
        let (target, message, fields) = (event.metadata().target(), read.message, read.fields);
        self.0.report(&Fault { at: now(), target, message, fields, place });
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let part = ctx.span(&id).and_then(|span| span.extensions_mut().remove::<Part>());
        if let Some(part) = part {
            self.0.ended(part, now());
        }
    }
}

/// The time in nanoseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "spans are measured with it, and no behaviour depends on it")]
fn now() -> i128 {
    domain::Timestamp::now().as_nanosecond()
}
