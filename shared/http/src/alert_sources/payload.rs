//! An alert source in a request.

use std::collections::BTreeMap;

use domain::alert::attribute::{Bound, Merge};
use domain::id::AttributeId;
use domain::source::heartbeat::PingSchedule;
use domain::source::{
    AutoResolve, Custom, IntakeRules, Priorities, RateLimit, Redaction, SourceKind, Template,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use sources::KindOptions;

use super::expressions::{self, ExpressionPayload};
use crate::ApiError;
use crate::api::{ApiResult, clip};
use crate::binding::{BindingPayload, ConditionGroupPayload, ValuesPayload, groups};

/// An alert source to create or update. Fields that are not listed here are stored and shown again.
#[derive(Deserialize, JsonSchema)]
pub(super) struct AlertSourcePayload {
    /// The name.
    #[serde(default)]
    pub(super) name: String,
    /// The kind, as `http`. Required for a new alert source. It cannot be changed.
    #[schemars(with = "Option<String>")]
    pub(super) source_type: Option<SourceKind>,
    /// Whether the alert source refuses deliveries.
    pub(super) disabled: Option<bool>,
    /// The secret that deliveries carry. Firebell makes one if this is absent.
    pub(super) secret_token: Option<String>,
    /// How events become alerts.
    template: AlertTemplatePayload,
    /// The conditions under which events become alerts.
    filter_condition_groups: Option<Vec<ConditionGroupPayload>>,
    /// The rate limit (Firebell extension).
    rate_limit: Option<RateLimitPayload>,
    /// The value by which the rate limit counts separately.
    rate_limit_sharding: Option<RateLimitShardingPayload>,
    /// After how many minutes an alert resolves if its sender has not repeated it.
    auto_resolve_timeout_minutes: Option<u32>,
    /// Whether alerts that belong to an incident resolve so, too.
    auto_resolve_incident_alerts: Option<bool>,
    /// The options of an alert source of the kind `email`.
    email_options: Option<EmailOptionsPayload>,
    /// The options of an alert source of the kind `heartbeat`.
    heartbeat_options: Option<HeartbeatOptionsPayload>,
    /// The options of an alert source of the kind `http_custom`.
    http_custom_options: Option<HttpCustomOptionsPayload>,
    /// How the words of senders become priorities (Firebell extension).
    priority: Option<PrioritiesPayload>,
    /// Not supported.
    azure_devops_options: Option<Map<String, Value>>,
    /// Not supported.
    jira_options: Option<Map<String, Value>>,
}

/// How events become alerts.
#[derive(Deserialize, JsonSchema)]
struct AlertTemplatePayload {
    /// The title.
    title: BindingPayload,
    /// The description.
    description: BindingPayload,
    /// The values of attributes.
    attributes: Option<Vec<TemplateAttributePayload>>,
    /// Expressions, to which bindings can refer.
    expressions: Option<Vec<ExpressionPayload>>,
}

/// The value of an attribute.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct TemplateAttributePayload {
    /// The id of the attribute.
    #[schemars(length(min = 1))]
    alert_attribute_id: String,
    /// The value.
    binding: AttributeBindingPayload,
}

/// The value of an attribute, and how the values of several events are merged.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct AttributeBindingPayload {
    /// How the values of several events are merged: `first_wins`, `last_wins`, `append`, `max` or `min`.
    merge_strategy: Option<String>,
    #[serde(flatten)]
    values: ValuesPayload,
}

/// A rate limit.
#[derive(Clone, Deserialize, JsonSchema)]
struct RateLimitPayload {
    /// How many alerts are allowed in a minute.
    alerts_per_minute: u32,
}

/// The value by which a rate limit counts separately.
#[derive(Clone, Deserialize, JsonSchema)]
struct RateLimitShardingPayload {
    /// The path of the value in the payload.
    rate_limit_shard_key_path: String,
}

/// The options of an alert source that receives email.
#[derive(Clone, Deserialize, JsonSchema)]
struct EmailOptionsPayload {
    /// What is removed from emails.
    #[serde(default)]
    #[schemars(with = "Vec<RedactionName>")]
    redactions: Vec<Redaction>,
    /// The expression that gives the fields of the alert.
    #[serde(default)]
    transform_expression: String,
}

/// What is removed from emails.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "it describes `domain::source::Redaction`")]
pub(super) enum RedactionName {
    #[schemars(rename = "credit_card_numbers")]
    CreditCard,
    #[schemars(rename = "us_social_security_numbers")]
    UsSocialSecurity,
    #[schemars(rename = "phone_numbers")]
    Phone,
}

/// The options of a heartbeat.
#[derive(Clone, Deserialize, JsonSchema)]
struct HeartbeatOptionsPayload {
    /// How many seconds lie between two pings.
    interval_seconds: u32,
    /// How many seconds late a ping may be.
    grace_period_seconds: Option<u32>,
    /// After how many missed pings an alert fires.
    failure_threshold: Option<u32>,
}

/// The options of an alert source that receives payloads of any form.
#[derive(Clone, Deserialize, JsonSchema)]
struct HttpCustomOptionsPayload {
    /// The path of the deduplication key in the payload.
    #[serde(default)]
    deduplication_key_path: String,
    /// The expression that gives the fields of the alert.
    #[serde(default)]
    transform_expression: String,
}

/// How the words of senders become priorities.
#[derive(Clone, Deserialize, JsonSchema)]
struct PrioritiesPayload {
    /// The priority of alerts without a known word.
    default: Option<String>,
    /// The priority of each word.
    #[serde(default)]
    mapping: BTreeMap<String, String>,
}

/// Most attributes that a source may bind.
const MAX_ATTRIBUTES: usize = 50;

/// Converts the bindings of attributes.
///
/// # Errors
/// [`ApiError`] that names an invalid binding.
fn attributes(payloads: Vec<TemplateAttributePayload>) -> ApiResult<Vec<Bound>> {
    if payloads.len() > MAX_ATTRIBUTES {
        let reason = format!("An alert source can bind at most {MAX_ATTRIBUTES} attributes");
        return Err(ApiError::invalid("template.attributes", reason));
    }
    let bound = payloads.into_iter().enumerate().map(|(n, payload)| {
        let at = format!("template.attributes.{n}");
        let attribute = payload.alert_attribute_id.parse().map_err(|_| {
            ApiError::invalid(format!("{at}.alert_attribute_id"), "There is no alert attribute with this id")
        })?;
        payload.binding.bound(attribute, &format!("{at}.binding"))
    });
    bound.collect()
}

impl AttributeBindingPayload {
    /// Converts the binding of an attribute.
    ///
    /// # Errors
    /// [`ApiError`] if the binding is invalid, or the merge strategy is unknown.
    fn bound(self, attribute: AttributeId, field: &str) -> ApiResult<Bound> {
        let merge = match self.merge_strategy.as_deref().filter(|strategy| !strategy.is_empty()) {
            None => None,
            Some("first_wins") => Some(Merge::FirstWins),
            Some("last_wins") => Some(Merge::LastWins),
            Some("append") => Some(Merge::Append),
            Some("max") => Some(Merge::Max),
            Some("min") => Some(Merge::Min),
            Some(unknown) => {
                let reason = format!(
                    "`{}` is not a merge strategy. Use one of first_wins, last_wins, append, max, min",
                    clip(unknown)
                );
                return Err(ApiError::invalid(format!("{field}.merge_strategy"), reason));
            }
        };
        Ok(Bound { attribute, values: self.values.all(field)?, merge })
    }
}

impl AlertSourcePayload {
    /// The template for a source of this kind.
    ///
    /// # Errors
    /// [`ApiError`] naming the field that cannot be honoured.
    pub(super) fn template(&self, kind: Option<&SourceKind>) -> ApiResult<Template> {
        let unsupported =
            [("azure_devops_options", &self.azure_devops_options), ("jira_options", &self.jira_options)];
        for (field, options) in unsupported {
            if options.is_some() {
                return Err(no_such_options(field));
            }
        }
        let (custom, redactions) = self.transformation(kind)?;
        let template = &self.template;
        Ok(Template {
            title: template.title.clone().text("template.title")?,
            description: template.description.clone().text("template.description")?,
            attributes: attributes(template.attributes.clone().unwrap_or_default())?,
            custom,
            redactions,
            expressions: expressions::read(template.expressions.clone().unwrap_or_default())?,
            priority: self.priorities(),
        })
    }

    /// The kind, which is required.
    ///
    /// # Errors
    /// [`ApiError`] if it is absent.
    pub(super) fn kind(&self) -> ApiResult<SourceKind> {
        self.source_type.clone().ok_or_else(|| ApiError::required("source_type"))
    }

    /// The options that change how payloads become alerts, and the redactions.
    ///
    /// # Errors
    /// [`ApiError`] if the options belong to another kind of alert source.
    fn transformation(&self, kind: Option<&SourceKind>) -> ApiResult<(Option<Custom>, Vec<Redaction>)> {
        let own = kind.and_then(|kind| sources::get(&kind.0)).and_then(|kind| kind.options());
        for options in KindOptions::ALL.iter().filter(|options| options.transform_payloads()) {
            if own != Some(*options) && self.has(*options) {
                return Err(no_such_options(options.field()));
            }
        }
        match own {
            Some(KindOptions::HttpCustom) => {
                let custom = self.http_custom_options.clone().map(|options| Custom {
                    deduplication_key_path: options.deduplication_key_path,
                    transform_expression: options.transform_expression,
                });
                Ok((custom, Vec::new()))
            }
            Some(KindOptions::Email) => {
                let Some(EmailOptionsPayload { redactions, transform_expression }) =
                    self.email_options.clone()
                else {
                    return Ok((None, Vec::new()));
                };
                let custom = Custom { deduplication_key_path: String::new(), transform_expression };
                Ok(((custom != Custom::default()).then_some(custom), redactions))
            }
            Some(KindOptions::Heartbeat) | None => Ok((None, Vec::new())),
        }
    }

    /// Says whether the request has the options of a kind.
    fn has(&self, options: KindOptions) -> bool {
        match options {
            KindOptions::HttpCustom => self.http_custom_options.is_some(),
            KindOptions::Email => self.email_options.is_some(),
            KindOptions::Heartbeat => self.heartbeat_options.is_some(),
        }
    }

    /// The priorities.
    fn priorities(&self) -> Option<Priorities> {
        let PrioritiesPayload { default, mapping } = self.priority.clone()?;
        let words = mapping.into_iter().map(|(word, priority)| (word.trim().to_lowercase(), priority));
        Some(Priorities { default, words: words.collect() })
    }

    /// The settings that decide which events become alerts.
    ///
    /// # Errors
    /// [`ApiError`] naming the field that cannot be evaluated.
    pub(super) fn intake(&self) -> ApiResult<IntakeRules> {
        let filter = self.filter_condition_groups.clone().unwrap_or_default();
        Ok(IntakeRules {
            filter: groups("filter_condition_groups", filter)?,
            limit: self.limit()?,
            lasts: self.auto_resolve_timeout_minutes.map(|minutes| AutoResolve {
                minutes,
                in_incidents: self.auto_resolve_incident_alerts.unwrap_or(false),
            }),
            beat: self.heartbeat_options.as_ref().map(|options| {
                PingSchedule::new(
                    options.interval_seconds,
                    options.grace_period_seconds,
                    options.failure_threshold,
                )
            }),
        })
    }

    /// The rate limit.
    ///
    /// # Errors
    /// [`ApiError`] if there is a path to count by and no limit.
    fn limit(&self) -> ApiResult<Option<RateLimit>> {
        let shard = self.rate_limit_sharding.clone().map(|sharding| sharding.rate_limit_shard_key_path);
        let shard = shard.filter(|path| !path.trim().is_empty());
        match (&self.rate_limit, shard) {
            (Some(limit), shard) => Ok(Some(RateLimit { per_minute: limit.alerts_per_minute, shard })),
            (None, None) => Ok(None),
            (None, Some(_)) => {
                let reason = "This alert source has no rate limit. Add `rate_limit: {alerts_per_minute}`";
                Err(ApiError::invalid("rate_limit_sharding", reason))
            }
        }
    }
}

fn no_such_options(field: &str) -> ApiError {
    ApiError::invalid(field, "This kind of alert source has no such options")
}
