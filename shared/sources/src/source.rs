//! The registry: one file in `source/` and one line below for each kind of source.

use std::borrow::Cow;

use ::http::HeaderMap;
use domain::source::SourceKind;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::scope::{self, Variable};
use crate::verify::{self, Signature};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError};

/// How a source comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A customer points a sender at an address of its own.
    Configurable,
    /// An integration that was connected sends by itself.
    Integration,
    /// Firebell itself sends.
    Native,
}

/// An integration that must be connected before a source can be used; no source needs one yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integration {}

/// A kind of alert source: who sends, and what the bytes mean.
pub trait AlertSource: Sync {
    /// The name in the API and in the address that it sends to.
    fn kind(&self) -> &'static str;

    /// How it comes to be.
    fn class(&self) -> Class {
        Class::Configurable
    }

    /// The name for people.
    fn name(&self) -> &'static str;

    /// How a customer sets the sender up; `{url}` and `{secret}` stand for the source's own.
    fn docs(&self) -> &'static str;

    /// What must be connected before.
    fn requires(&self) -> &'static [Integration] {
        &[]
    }

    /// Whether its secret alone leads to it: who speaks the API of another product knows a host and a key, and no
    /// address of a source.
    fn is_found_by_its_secret(&self) -> bool {
        false
    }

    /// Whether a person must do something at the sender before anything arrives.
    fn needs_setup(&self) -> bool {
        true
    }

    /// A delivery of something that began.
    fn example(&self) -> Value;

    /// The delivery that says of the same thing that it is over.
    fn example_resolved(&self) -> Value;

    /// What its sender puts behind the source's address with that one; for most, the body says it all.
    fn resolving_path(&self) -> &'static str {
        ""
    }

    /// What the payload of its alerts offers to bindings, beside what every alert offers.
    fn payload_scope(&self) -> &'static [Variable];

    /// Everything that its alerts offer to bindings.
    fn scope(&self) -> Vec<Variable> {
        [scope::ALERT, self.payload_scope()].concat()
    }

    /// How the sender may sign what it delivers.
    fn signatures(&self) -> &'static [Signature] {
        &[]
    }

    /// Whether its sender is reached through SNS, which asks to be confirmed and signs with a key of its own.
    fn is_behind_sns(&self) -> bool {
        false
    }

    /// Puts on a delivery what the sender would put there, for a test alert: the secret itself, unless it signs.
    fn sign(&self, headers: &mut HeaderMap, body: &[u8], secret: &SecretString, now: Timestamp) {
        match self.signatures().first() {
            Some(signature) => signature.sign(headers, body, secret, now),
            None => verify::bear(headers, secret),
        }
    }

    /// The secret that a delivery names in the sender's own way, beside the ways that every source takes.
    fn secret_in<'a>(&self, _delivery: &Delivery<'a>) -> Option<Cow<'a, [u8]>> {
        None
    }

    /// Finds out whether the sender is who it should be, over the raw bytes: what is not signed names the secret.
    /// `previous` is the secret before the last rotation, while it still holds.
    ///
    /// # Errors
    /// [`VerifyError`] if it is not; nothing of the body was read.
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

    /// Reads the events of a delivery. `spare_key` is the deduplication key of an event for which the sender named
    /// none and none can be computed; it stands in the event, so that the sender can be told.
    ///
    /// # Errors
    /// [`ParseError`] if the body is nothing that this source sends.
    fn parse(&self, delivery: Verified<'_>, spare_key: &str) -> Result<Parsed, ParseError>;
}

/// Makes the registry of its lines: the modules, the kinds, and what each of them is.
macro_rules! sources {
    ($($module:ident::$source:ident),* $(,)?) => {
        $(mod $module;)*

        /// The kinds of sources there are.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = concat!("See `source/", stringify!($module), ".rs`.")] $source,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$source),*];

            /// The source of this kind.
            pub const fn get(self) -> &'static dyn AlertSource {
                match self { $(Self::$source => &$module::$source),* }
            }
        }

        /// Every source.
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
pub use email::{KIND as EMAIL, address as mail_address, addressed as mail_addressed};
pub use heartbeat::{KEY as HEARTBEAT_KEY, KIND as HEARTBEAT};
pub(crate) use http_custom::KIND as CUSTOM;

/// The source of this name in the API.
pub fn get(kind: &str) -> Option<&'static dyn AlertSource> {
    all().iter().copied().find(|source| source.kind() == kind)
}

/// No source has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of alert source")]
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
