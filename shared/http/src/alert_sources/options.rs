//! What a source says beside its template: what its senders' words mean, priorities, and what stays of attributes.

use std::collections::BTreeMap;

use domain::alert::attribute::{Bound, Merge};
use domain::id::AttributeId;
use domain::source::{Custom, Priorities, Redaction, Template};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::ApiError;
use crate::api::{Answer, clip};
use crate::binding::ValuesBody;

/// What is said of mails.
#[derive(Deserialize)]
struct EmailBody {
    #[serde(default)]
    redactions: Vec<Redaction>,
    #[serde(default)]
    transform_expression: String,
}

/// The field of what a customer says that the senders' words mean.
const HTTP_CUSTOM: &str = "http_custom_options";

/// The field of the same for mails.
const EMAIL: &str = "email_options";

/// The field of priorities; this is ours.
const PRIORITY: &str = "priority";

/// What an attribute is bound to, and what of it stays.
#[derive(Clone, Deserialize)]
pub(super) struct BoundBody {
    merge_strategy: Option<String>,
    #[serde(flatten)]
    values: ValuesBody,
}

impl BoundBody {
    /// What the attribute is bound to.
    ///
    /// # Errors
    /// [`ApiError`] if a binding is none, or the strategy is not known.
    pub(super) fn bound(self, attribute: AttributeId, field: &str) -> Answer<Bound> {
        let merge = match self.merge_strategy.as_deref().filter(|strategy| !strategy.is_empty()) {
            None => None,
            Some("first_wins") => Some(Merge::FirstWins),
            Some("last_wins") => Some(Merge::LastWins),
            Some("append") => Some(Merge::Append),
            Some("max") => Some(Merge::Max),
            Some("min") => Some(Merge::Min),
            Some(unknown) => {
                let reason = format!(
                    "`{}` is no strategy; there is first_wins, last_wins, append, max, min",
                    clip(unknown)
                );
                return Err(ApiError::invalid(format!("{field}.merge_strategy"), reason));
            }
        };
        Ok(Bound { attribute, values: self.values.all(field)?, merge })
    }
}

/// Priorities as they are sent.
#[derive(Deserialize)]
struct PriorityBody {
    default: Option<String>,
    #[serde(default)]
    mapping: BTreeMap<String, String>,
}

/// What a customer says that the senders' words mean, if anything, and what is removed from them.
///
/// # Errors
/// [`ApiError`] if that is no object of texts, or this kind of source has no such options.
pub(super) fn custom(
    kind: Option<&str>,
    rest: &Map<String, Value>,
) -> Answer<(Option<Custom>, Vec<Redaction>)> {
    let own = kind.and_then(sources::options);
    for known in [HTTP_CUSTOM, EMAIL] {
        if own != Some(known) && rest.get(known).is_some_and(|value| !value.is_null()) {
            return Err(ApiError::invalid(known, "This kind of alert source has no such options"));
        }
    }
    if own != Some(EMAIL) {
        return Ok((read(rest, HTTP_CUSTOM)?, Vec::new()));
    }
    let Some(EmailBody { redactions, transform_expression }) = read(rest, EMAIL)? else {
        return Ok((None, Vec::new()));
    };
    let custom = Custom { deduplication_key_path: String::new(), transform_expression };
    Ok(((custom != Custom::default()).then_some(custom), redactions))
}

/// What is said of mails, and where they are sent to.
pub(super) fn email(address: &str, template: &Template) -> Value {
    let mut shown = json!({ "email_address": address, "redactions": template.redactions });
    if let Some(custom) = &template.custom {
        shown["transform_expression"] = json!(custom.transform_expression);
    }
    shown
}

/// What is said of priorities, if anything.
///
/// # Errors
/// [`ApiError`] if that is no object of texts.
pub(super) fn priority(rest: &Map<String, Value>) -> Answer<Option<Priorities>> {
    let body: Option<PriorityBody> = read(rest, PRIORITY)?;
    Ok(body.map(|PriorityBody { default, mapping }| {
        let words = mapping.into_iter().map(|(word, priority)| (word.trim().to_lowercase(), priority));
        Priorities { default, words: words.collect() }
    }))
}

/// A field of the rest of a body.
pub(super) fn read<T: DeserializeOwned>(rest: &Map<String, Value>, field: &str) -> Answer<Option<T>> {
    let Some(value) = rest.get(field).filter(|value| !value.is_null()) else { return Ok(None) };
    serde_path_to_error::deserialize(value).map(Some).map_err(|error| {
        let at = error.path().to_string();
        let at = if at == "." { field.to_owned() } else { format!("{field}.{at}") };
        ApiError::invalid(at, error.inner().to_string())
    })
}
