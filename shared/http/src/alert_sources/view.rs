//! An alert source in a reply.

use app::Context;
use domain::id::SourceId;
use domain::source::backfill::Backfill;
use domain::source::heartbeat::{Heartbeat, PingSchedule};
use domain::source::{DraftSample, FilteredCount, Redaction, Source, SourceKind, SourceState, Template};
use machine::{State as _, Stateful};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::payload::RedactionName;
use super::{address, expressions, mail_address};
use crate::api::ApiResult;
use crate::binding::{BindingView, labelled};
use crate::documents::{AlertSourceDocument, AlertTemplateView, ConditionGroupView};
use crate::schema::{Id, Time};

/// An alert source. Fields of the request that Firebell does not know are shown as they were sent.
#[derive(Serialize, JsonSchema)]
pub(super) struct AlertSourceView {
    /// The id.
    id: Id<SourceId>,
    /// The name.
    name: String,
    /// The kind.
    #[schemars(with = "String")]
    source_type: SourceKind,
    /// How events become alerts.
    #[schemars(with = "AlertTemplateView")]
    template: Map<String, Value>,
    /// The address to which senders deliver.
    alert_events_url: String,
    /// The secret that deliveries carry.
    secret_token: String,
    /// The state.
    #[schemars(extend("enum" = ["draft", "active", "disabled"]))]
    state: &'static str,
    /// Whether the alert source refuses deliveries.
    disabled: bool,
    /// The conditions under which events become alerts.
    #[schemars(with = "Vec<ConditionGroupView>")]
    filter_condition_groups: Value,
    /// The options of a heartbeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_options: Option<HeartbeatOptionsView>,
    /// The options of an alert source that receives email.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_options: Option<EmailOptionsView>,
    /// When the alert source was created.
    created_at: Time,
    /// Until when the previous secret is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret_valid_until: Option<Time>,
    /// When a delivery last brought an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_delivery_at: Option<Time>,
    /// The last delivery that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<DeliveryErrorView>,
    /// The state of a heartbeat. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat: Option<HeartbeatView>,
    /// The events of the last days that did not become alerts. Absent in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filtered: Vec<FilteredDayView>,
    /// The events of the last days that ended an alert that Firebell does not know. Absent in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unmatched_ends: Vec<FilteredDayView>,
    /// The last event of a draft. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event: Option<LastEventView>,
    /// The last backfill. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    backfill: Option<BackfillView>,
    #[serde(flatten)]
    #[schemars(with = "AlertSourceDocument")]
    document: Map<String, Value>,
}

/// The options of a heartbeat.
#[derive(Serialize, JsonSchema)]
struct HeartbeatOptionsView {
    /// How many seconds lie between two pings.
    interval_seconds: u32,
    /// How many seconds late a ping may be.
    grace_period_seconds: u32,
    /// After how many missed pings an alert fires.
    failure_threshold: u32,
    /// The address of the ping, with the secret.
    ping_url: String,
}

impl HeartbeatOptionsView {
    fn new(schedule: &PingSchedule, ping_url: String) -> Self {
        Self {
            interval_seconds: schedule.interval_s,
            grace_period_seconds: schedule.grace_s,
            failure_threshold: schedule.threshold,
            ping_url,
        }
    }
}

/// The options of an alert source that receives email.
#[derive(Serialize, JsonSchema)]
struct EmailOptionsView {
    /// The address to which senders send email.
    email_address: String,
    /// What is removed from emails.
    #[schemars(with = "Vec<RedactionName>")]
    redactions: Vec<Redaction>,
    /// The expression that gives the fields of the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    transform_expression: Option<String>,
}

impl EmailOptionsView {
    fn new(email_address: String, template: &Template) -> Self {
        Self {
            email_address,
            redactions: template.redactions.clone(),
            transform_expression: template.custom.as_ref().map(|custom| custom.transform_expression.clone()),
        }
    }
}

/// A delivery that was refused.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct DeliveryErrorView {
    /// When it was refused.
    at: Time,
    /// Why it was refused.
    reason: String,
}

/// The state of a heartbeat.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct HeartbeatView {
    /// The state.
    #[schemars(extend("enum" = ["waiting", "healthy", "missed", "idle", "gone"]))]
    status: &'static str,
    /// When the last ping was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_ping_at: Option<Time>,
}

/// The events of a day that did not become alerts.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct FilteredDayView {
    /// The day, in UTC.
    day: String,
    /// The number of events, at least.
    #[schemars(with = "i64")]
    count: u64,
    /// The title of the last event.
    last_title: String,
    /// When the last event was received.
    last_at: Time,
}

/// The last event of a draft.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct LastEventView {
    /// When it was received.
    received_at: Time,
    /// The title.
    title: String,
    /// Whether it fires or resolves an alert.
    #[schemars(extend("enum" = ["firing", "resolved"]))]
    status: &'static str,
    /// The deduplication key.
    deduplication_key: String,
}

/// The progress of a backfill.
#[derive(Serialize, JsonSchema)]
pub(super) struct BackfillView {
    /// The state.
    #[schemars(extend("enum" = ["running", "done", "cancelled"]))]
    status: &'static str,
    /// When it was requested.
    asked_at: Time,
    /// The time of the oldest alerts that are evaluated.
    back_to: Time,
    /// The number of alerts that were read.
    #[schemars(with = "i64")]
    alerts_read: u64,
    /// The number of alerts that were changed.
    #[schemars(with = "i64")]
    alerts_changed: u64,
    /// The number of alerts that were skipped.
    #[schemars(with = "i64")]
    alerts_skipped: u64,
    /// The time of the last alert that was evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    through: Option<Time>,
}

impl From<&Backfill> for BackfillView {
    fn from(backfill: &Backfill) -> Self {
        let progress = backfill.progress;
        Self {
            status: backfill.head().state().name(),
            asked_at: Time(backfill.asked_at),
            back_to: Time(backfill.back_to()),
            alerts_read: progress.read,
            alerts_changed: progress.changed,
            alerts_skipped: progress.skipped,
            through: progress.through.map(|through| Time(through.at())),
        }
    }
}

/// The ping address of a heartbeat with its secret, for jobs that can only request an address.
fn ping_url(ctx: &Context, source: &Source, secret: &str) -> String {
    let secret = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
    format!("{}?token={secret}", address(&ctx.public_url, source))
}

/// Takes an object out of a document.
fn take_object(document: &mut Map<String, Value>, field: &str) -> Map<String, Value> {
    match document.remove(field) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The template: the stored document, with the title and the description that are used.
fn template(document: &mut Map<String, Value>, template: &Template) -> Map<String, Value> {
    let mut shown = take_object(document, "template");
    shown.insert("title".to_owned(), json!(BindingView::from(&template.title)));
    shown.insert("description".to_owned(), json!(BindingView::from(&template.description)));
    for (field, default) in
        [("attributes", json!([])), ("expressions", json!([])), ("is_private", json!(false))]
    {
        shown.entry(field).or_insert(default);
    }
    expressions::add_types(&template.expressions, &mut shown["expressions"]);
    shown
}

/// The fields that are not taken from the stored document.
const OWN: &[&str] = &[
    "id",
    "name",
    "source_type",
    "alert_events_url",
    "secret_token",
    "state",
    "disabled",
    "created_at",
    "previous_secret_valid_until",
    "last_delivery_at",
    "last_error",
    "heartbeat",
    "filtered",
    "unmatched_ends",
    "last_event",
    "backfill",
];

impl AlertSourceView {
    /// The stored document with what Firebell knows of the source.
    ///
    /// # Errors
    /// [`crate::ApiError`] if the secret cannot be decrypted.
    pub(super) fn new(ctx: &Context, source: &Source) -> ApiResult<Self> {
        let mut document = match labelled(source.document.0.clone()) {
            Value::Object(document) => document,
            _ => Map::new(),
        };
        document.retain(|field, _| !OWN.contains(&field.as_str()));
        let secret = app::source::open_secret(&ctx.seal, source.id, &source.secret)?;
        let secret = secret.expose_secret();
        let heartbeat_options = source
            .intake
            .beat
            .as_ref()
            .map(|schedule| HeartbeatOptionsView::new(schedule, ping_url(ctx, source, secret)));
        if heartbeat_options.is_some() {
            document.remove("heartbeat_options");
        }
        let email_options =
            mail_address(ctx, source, secret).map(|address| EmailOptionsView::new(address, &source.template));
        if email_options.is_some() {
            document.remove("email_options");
        }
        let previous = source.previous.as_ref().filter(|previous| previous.holds(ctx.now()));
        Ok(Self {
            id: Id(source.id),
            name: source.name.clone(),
            source_type: source.kind.clone(),
            template: template(&mut document, &source.template),
            alert_events_url: address(&ctx.public_url, source),
            secret_token: secret.to_owned(),
            state: source.head().state().name(),
            disabled: source.head().state() == SourceState::Disabled,
            filter_condition_groups: document.remove("filter_condition_groups").unwrap_or_else(|| json!([])),
            heartbeat_options,
            email_options,
            created_at: Time(source.created_at),
            previous_secret_valid_until: previous.map(|previous| Time(previous.until)),
            last_delivery_at: source.last_delivery_at.map(Time),
            last_error: source
                .last_error
                .as_ref()
                .map(|error| DeliveryErrorView { at: Time(error.at), reason: error.reason.clone() }),
            heartbeat: None,
            filtered: Vec::new(),
            unmatched_ends: Vec::new(),
            last_event: None,
            backfill: None,
            document,
        })
    }

    /// Adds the events that did not become alerts.
    pub(super) fn set_without_alert(
        &mut self,
        filtered: Vec<FilteredCount>,
        unmatched_ends: Vec<FilteredCount>,
    ) {
        let view = |FilteredCount { day, count, last_title, last_at }| FilteredDayView {
            day,
            count,
            last_title,
            last_at: Time(last_at),
        };
        self.filtered = filtered.into_iter().map(view).collect();
        self.unmatched_ends = unmatched_ends.into_iter().map(view).collect();
    }

    /// Adds the last event of a draft.
    pub(super) fn set_last_event(&mut self, sample: Option<DraftSample>) {
        self.last_event = sample.map(|DraftSample { received_at, event }| LastEventView {
            received_at: Time(received_at),
            title: event.title,
            status: event.status.name(),
            deduplication_key: event.deduplication_key,
        });
    }

    /// Adds the state of a heartbeat; `None` if it was never pinged.
    pub(super) fn set_heartbeat(&mut self, heartbeat: Option<&Heartbeat>) {
        self.heartbeat = Some(match heartbeat {
            None => HeartbeatView { status: "waiting", last_ping_at: None },
            Some(heartbeat) => HeartbeatView {
                status: heartbeat.head().state().name(),
                last_ping_at: Some(Time(heartbeat.last_ping_at)),
            },
        });
    }

    /// Adds the last backfill.
    pub(super) fn set_backfill(&mut self, backfill: &Backfill) {
        self.backfill = Some(backfill.into());
    }
}
