//! The registry of alert sources: one file in `source/` and one line in `sources!` for each kind.

use std::borrow::Cow;

use ::http::HeaderMap;
use domain::source::SourceKind;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::scope::{self, Variable};
use crate::verify::{self, Signature};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError};

/// How requests for an alert source reach Firebell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// The sender posts to the source's own address, `/v2/alert_events/{kind}/{id}`.
    Webhook,
    /// The sender appends this path to the source's own address automatically, and posts there.
    WebhookBelow(&'static str),
    /// The sender writes emails to the source's own email address. A mail server may also post them to the source's
    /// own address.
    Email,
    /// A job pings `/v2/heartbeat/{id}/ping` each time that it has run.
    Heartbeat,
    /// The sender uses the API of another product, and knows only Firebell's host and a secret. The secret leads to
    /// the alert source.
    CompatibleApi(CompatibleApi),
}

/// The APIs of other products that Firebell offers, so that senders change only the hostname.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompatibleApi {
    /// Opsgenie's alert API.
    OpsgenieAlerts,
    /// PagerDuty's Events API v2.
    PagerDutyEvents,
}

/// The options that only some kinds of alert sources have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindOptions {
    /// `http_custom_options`: how payloads of any form become alerts.
    HttpCustom,
    /// `email_options`: how emails become alerts, and what is removed from them.
    Email,
    /// `heartbeat_options`: how often a job must ping.
    Heartbeat,
}

impl KindOptions {
    /// All options.
    pub const ALL: &'static [Self] = &[Self::HttpCustom, Self::Email, Self::Heartbeat];

    /// The name of the field in the API.
    pub const fn field(self) -> &'static str {
        match self {
            Self::HttpCustom => "http_custom_options",
            Self::Email => "email_options",
            Self::Heartbeat => "heartbeat_options",
        }
    }

    /// Whether the options change how payloads become alerts, see [`apply_custom_options`](crate::apply_custom_options).
    pub const fn transform_payloads(self) -> bool {
        match self {
            Self::HttpCustom | Self::Email => true,
            Self::Heartbeat => false,
        }
    }
}

/// A kind of alert source: how its deliveries are verified, and how they are parsed.
pub trait AlertSource: Sync {
    /// The name of the kind in the API and in the addresses of its sources.
    fn kind(&self) -> &'static str;

    /// The name that people see.
    fn name(&self) -> &'static str;

    /// The instructions for setting up the sender, in Markdown. `{url}`, `{secret}` and `{email}` stand for the
    /// source's own address, secret and email address.
    fn docs(&self) -> &'static str;

    /// How requests for the source reach Firebell.
    fn endpoint(&self) -> Endpoint {
        Endpoint::Webhook
    }

    /// The options that this kind has in addition to those of every source.
    fn options(&self) -> Option<KindOptions> {
        None
    }

    /// Whether a secret alone leads to the source, so that each secret may belong to one source only.
    fn is_found_by_secret(&self) -> bool {
        matches!(self.endpoint(), Endpoint::CompatibleApi(_))
    }

    /// The path that accepts the deliveries of a source.
    fn delivery_path(&self, id: &str) -> String {
        format!("/v2/alert_events/{}/{id}", self.kind())
    }

    /// The path that is shown as the address of a source: where its sender posts, or its job pings.
    fn address_path(&self, id: &str) -> String {
        match self.endpoint() {
            Endpoint::Webhook | Endpoint::WebhookBelow(_) | Endpoint::Email | Endpoint::CompatibleApi(_) => {
                self.delivery_path(id)
            }
            Endpoint::Heartbeat => format!("/v2/heartbeat/{id}/ping"),
        }
    }

    /// The local part of the source's email address, in front of the `@`. `None` if the kind receives no emails.
    fn mail_address(&self, id: &str, secret: &[u8]) -> Option<String> {
        match self.endpoint() {
            Endpoint::Email => Some(email::address(id, secret)),
            Endpoint::Webhook
            | Endpoint::WebhookBelow(_)
            | Endpoint::Heartbeat
            | Endpoint::CompatibleApi(_) => None,
        }
    }

    /// An example of a delivery that fires an alert.
    fn example(&self) -> Value;

    /// An example of the delivery that resolves the same alert.
    fn example_resolved(&self) -> Value;

    /// The path that the sender appends to the address for [`AlertSource::example_resolved`]. For most kinds it is
    /// empty, because the body says everything.
    fn example_resolved_path(&self) -> &'static str {
        ""
    }

    /// The variables of the payload that bindings can reference.
    fn payload_scope(&self) -> &'static [Variable];

    /// All variables that bindings can reference: those of every alert, and those of the payload.
    fn scope(&self) -> Vec<Variable> {
        [scope::ALERT, self.payload_scope()].concat()
    }

    /// The signatures that the sender may put on a delivery.
    fn signatures(&self) -> &'static [Signature] {
        &[]
    }

    /// Whether deliveries come through Amazon SNS, which must have its subscription confirmed and signs with its own
    /// key.
    fn uses_sns(&self) -> bool {
        false
    }

    /// Adds to a test delivery what the sender would add: its signature, or the secret if the sender does not sign.
    fn sign(&self, headers: &mut HeaderMap, body: &[u8], secret: &SecretString, now: Timestamp) {
        match self.signatures().first() {
            Some(signature) => signature.sign(headers, body, secret, now),
            None => verify::add_bearer_token(headers, secret),
        }
    }

    /// The secret in a delivery, if this sender has its own place for it. The places that every kind accepts are
    /// checked by [`AlertSource::verify`].
    fn secret_in<'a>(&self, _delivery: &Delivery<'a>) -> Option<Cow<'a, [u8]>> {
        None
    }

    /// Verifies over the raw bytes that a delivery is from the sender: by its signature, or by its secret if it is not
    /// signed. `previous` is the secret before the last rotation, while it is still valid.
    ///
    /// # Errors
    /// [`VerifyError`] if the delivery is not from the sender. Nothing of the body was parsed.
    fn verify<'a>(
        &self,
        delivery: &Delivery<'a>,
        secret: &SecretString,
        previous: Option<&SecretString>,
    ) -> Result<Verified<'a>, VerifyError> {
        match self.signatures().iter().find(|signature| signature.is_on(delivery)) {
            Some(signature) => signature.verify(delivery, secret, previous),
            None => verify::token_or(delivery, self.secret_in(delivery).as_deref(), secret, previous),
        }
    }

    /// Whether a delivery is signed, so that it cannot be verified without its body.
    fn is_signed(&self, delivery: &Delivery<'_>) -> bool {
        self.signatures().iter().any(|signature| signature.is_on(delivery))
    }

    /// Parses the events of a delivery. An event to which the sender gives no identity gets the key of its content,
    /// [`Delivery::content_key`], which the response tells to the sender.
    ///
    /// # Errors
    /// [`ParseError`] if the body is not something that this kind of source sends.
    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError>;
}

/// Declares the registry from one line for each kind: its module, its variant of [`Kind`], and its place in [`all`].
macro_rules! sources {
    ($($module:ident::$source:ident),* $(,)?) => {
        $(mod $module;)*

        /// The kinds of alert sources.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = concat!("See `source/", stringify!($module), ".rs`.")] $source,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$source),*];

            /// The alert source of this kind.
            pub const fn get(self) -> &'static dyn AlertSource {
                match self { $(Self::$source => &$module::$source),* }
            }
        }

        /// All alert sources.
        pub const fn all() -> &'static [&'static dyn AlertSource] {
            &[$(&$module::$source),*]
        }
    };
}

sources! {
    alertmanager::Alertmanager,
    cloudflare::Cloudflare,
    cloudwatch::Cloudwatch,
    datadog::Datadog,
    email::Email,
    github_issue::GithubIssue,
    grafana::Grafana,
    heartbeat::Heartbeat,
    http::Http,
    http_custom::HttpCustom,
    opsgenie::Opsgenie,
    opsgenie_alerts::OpsgenieAlerts,
    pager_duty::PagerDuty,
    pager_duty_events::PagerDutyEvents,
    prometheus::Prometheus,
    sentry::Sentry,
    status_page_views::StatusPageViews,
    zendesk::Zendesk,
}

pub(crate) use self::http::status;
pub use email::parse_address as parse_mail_address;
pub use heartbeat::KEY as HEARTBEAT_KEY;

/// Finds the alert source with this name in the API.
pub fn get(kind: &str) -> Option<&'static dyn AlertSource> {
    all().iter().copied().find(|source| source.kind() == kind)
}

/// There is no kind of alert source with this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of alert source `{0}`")]
pub struct UnknownKind(pub String);

impl From<Kind> for SourceKind {
    fn from(kind: Kind) -> Self {
        Self(kind.get().kind().to_owned())
    }
}

impl TryFrom<&SourceKind> for Kind {
    type Error = UnknownKind;

    fn try_from(kind: &SourceKind) -> Result<Self, UnknownKind> {
        let known = Self::ALL.iter().copied().find(|known| known.get().kind() == kind.0);
        known.ok_or_else(|| UnknownKind(domain::text::shorten(&kind.0, 60)))
    }
}
