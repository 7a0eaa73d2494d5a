//! Options of a source besides its template: options of its kind, priorities, and how attributes are merged.

use std::collections::BTreeMap;

use domain::alert::attribute::{Bound, Merge};
use domain::id::AttributeId;
use domain::source::{Custom, Priorities, Redaction, Template};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sources::KindOptions;

use crate::ApiError;
use crate::api::{Answer, clip};
use crate::binding::ValuesBody;

/// The email options in a request.
#[derive(Deserialize)]
struct EmailBody {
    #[serde(default)]
    redactions: Vec<Redaction>,
    #[serde(default)]
    transform_expression: String,
}

/// The field of the priorities (Firebell extension).
const PRIORITY: &str = "priority";

/// The binding of an attribute in a request, and how its values are merged.
#[derive(Clone, Deserialize)]
pub(super) struct BoundBody {
    merge_strategy: Option<String>,
    #[serde(flatten)]
    values: ValuesBody,
}

impl BoundBody {
    /// Converts the binding of an attribute.
    ///
    /// # Errors
    /// [`ApiError`] if the binding is invalid, or the merge strategy is unknown.
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
                    "`{}` is not a merge strategy. Use one of first_wins, last_wins, append, max, min",
                    clip(unknown)
                );
                return Err(ApiError::invalid(format!("{field}.merge_strategy"), reason));
            }
        };
        Ok(Bound { attribute, values: self.values.all(field)?, merge })
    }
}

/// The priorities in a request.
#[derive(Deserialize)]
struct PriorityBody {
    default: Option<String>,
    #[serde(default)]
    mapping: BTreeMap<String, String>,
}

/// Converts the options that change how payloads become alerts, and the redactions.
///
/// # Errors
/// [`ApiError`] if the options are invalid, or belong to another kind of alert source.
pub(super) fn custom(
    kind: Option<&str>,
    rest: &Map<String, Value>,
) -> Answer<(Option<Custom>, Vec<Redaction>)> {
    let own = kind.and_then(sources::get).and_then(|kind| kind.options());
    for known in KindOptions::ALL.iter().filter(|options| options.transform_payloads()) {
        if own != Some(*known) && rest.get(known.field()).is_some_and(|value| !value.is_null()) {
            return Err(ApiError::invalid(known.field(), "This kind of alert source has no such options"));
        }
    }
    match own {
        Some(options @ KindOptions::HttpCustom) => Ok((read(rest, options.field())?, Vec::new())),
        Some(options @ KindOptions::Email) => {
            let Some(EmailBody { redactions, transform_expression }) = read(rest, options.field())? else {
                return Ok((None, Vec::new()));
            };
            let custom = Custom { deduplication_key_path: String::new(), transform_expression };
            Ok(((custom != Custom::default()).then_some(custom), redactions))
        }
        Some(KindOptions::Heartbeat) | None => Ok((None, Vec::new())),
    }
}

/// The email options in a response, with the email address.
pub(super) fn email(address: &str, template: &Template) -> Value {
    let mut shown = json!({ "email_address": address, "redactions": template.redactions });
    if let Some(custom) = &template.custom {
        shown["transform_expression"] = json!(custom.transform_expression);
    }
    shown
}

/// Converts the priorities of a request.
///
/// # Errors
/// [`ApiError`] if they are invalid.
pub(super) fn priority(rest: &Map<String, Value>) -> Answer<Option<Priorities>> {
    let body: Option<PriorityBody> = read(rest, PRIORITY)?;
    Ok(body.map(|PriorityBody { default, mapping }| {
        let words = mapping.into_iter().map(|(word, priority)| (word.trim().to_lowercase(), priority));
        Priorities { default, words: words.collect() }
    }))
}

/// Reads one field of the remaining fields of a request.
pub(super) fn read<T: DeserializeOwned>(rest: &Map<String, Value>, field: &str) -> Answer<Option<T>> {
    let Some(value) = rest.get(field).filter(|value| !value.is_null()) else { return Ok(None) };
    serde_path_to_error::deserialize(value).map(Some).map_err(|error| {
        let at = error.path().to_string();
        let at = if at == "." { field.to_owned() } else { format!("{field}.{at}") };
        ApiError::invalid(at, error.inner().to_string())
    })
}
