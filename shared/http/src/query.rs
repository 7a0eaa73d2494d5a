//! Query parameters: plain values, and filters in brackets, as `status[one_of]=firing`. A filter of one of many fields
//! names the field, as `attributes[01FCNDV6P870EA6S7TK1DSYDG0][one_of]=high`.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use domain::Timestamp;
use http::request::Parts;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use machine::State;

use crate::ApiError;
use crate::api::clip;
use crate::schema::state_names;

/// The query of a request: its parameters in order.
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let query =
            query.map_err(|error| ApiError::bad_request(format!("The query is not valid: {error}")))?;
        Ok(Self(query.0))
    }
}

/// How a filter compares. The name in a query is the variant's name in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(crate) enum Operator {
    /// The value is equal.
    Is,
    /// The value is one of several.
    OneOf,
    /// All of several values are present.
    AllOf,
    /// The value is not one of several.
    NotIn,
    /// The time is at this time or later.
    Gte,
    /// The time is at this time or earlier.
    Lte,
    /// The time is between two days, as `2024-12-02~2024-12-08`.
    DateRange,
}

/// How ids and states are filtered.
pub(crate) const CHOICE: &[Operator] = &[Operator::OneOf, Operator::NotIn];
/// How times are filtered.
pub(crate) const TIME: &[Operator] = &[Operator::Gte, Operator::Lte, Operator::DateRange];
/// How single values are filtered.
pub(crate) const SAME: &[Operator] = &[Operator::Is];

/// A filter: a field, an operator and its values.
#[derive(Debug)]
struct Filter {
    field: String,
    operator: Operator,
    values: Vec<String>,
}

/// The filters of a query. Either all of them must hold, or any of them.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    filters: Vec<Filter>,
    any: bool,
}

impl Query {
    /// The value of a plain parameter; the last one if there are several. `None` if it is absent or empty.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The query without a plain parameter.
    pub(crate) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(key, _)| key != name).cloned().collect())
    }

    /// The filters. `known` lists the fields and the operators that each supports.
    ///
    /// # Errors
    /// [`ApiError`] that names a filter that is not supported. To ignore it would show too much.
    pub(crate) fn filters(&self, known: &[(&'static str, &'static [Operator])]) -> Result<Filters, ApiError> {
        let mut filters: Vec<Filter> = Vec::new();
        for (key, value) in &self.0 {
            let (name, rest) = key.split_once('[').unwrap_or((key, ""));
            let rest = rest.strip_suffix(']').unwrap_or(rest);
            // A filter of one of many fields: the field and the operator.
            let (of, operator) = rest.split_once("][").map_or((None, rest), |(of, rest)| (Some(of), rest));
            let found = known.iter().find(|(field, _)| match of {
                None => *field == name,
                Some(_) => field.strip_suffix("[]") == Some(name),
            });
            let Some((field, operators)) = found else {
                if key.contains('[') {
                    let names: Vec<&str> = known.iter().map(|(field, _)| *field).collect();
                    let reason = format!("This filter is not supported: use one of {}", names.join(", "));
                    return Err(ApiError::invalid(clip(key), reason));
                }
                continue;
            };
            let Some(operator) = operators.iter().copied().find(|one| one.into_str() == operator) else {
                let names: Vec<&str> = operators.iter().map(|one| one.into_str()).collect();
                return Err(ApiError::invalid(
                    clip(key),
                    format!("`{field}` does not support this operator: use one of {}", names.join(", ")),
                ));
            };
            let field = of.map_or_else(|| (*field).to_owned(), |of| format!("{name}.{of}"));
            match filters.iter_mut().find(|filter| filter.field == field && filter.operator == operator) {
                Some(filter) => filter.values.push(value.clone()),
                None => filters.push(Filter { field, operator, values: vec![value.clone()] }),
            }
        }
        let any = match self.one("filter_mode") {
            None | Some("all") => false,
            Some("any") => true,
            Some(_) => {
                return Err(ApiError::invalid(
                    "filter_mode",
                    "This mode is not supported: use one of all, any",
                ));
            }
        };
        Ok(Filters { filters, any })
    }
}

/// A span of time. Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first moment.
    pub(crate) from: Timestamp,
    /// The last moment.
    pub(crate) to: Timestamp,
}

impl Span {
    /// All of time.
    pub(crate) const ALL: Self = Self { from: Timestamp::MIN, to: Timestamp::MAX };

    /// Says whether a time lies in the span.
    pub(crate) fn holds(&self, at: Timestamp) -> bool {
        (self.from..=self.to).contains(&at)
    }

    /// The time that lies in both spans.
    fn within(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }
}

impl Filters {
    /// Says whether there are no filters.
    pub(crate) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The values of which a field must have one. Empty if there is no such filter, or if another filter is enough.
    pub(crate) fn values(&self, field: &str) -> Vec<&str> {
        let choices = self
            .filters
            .iter()
            .filter(|one| one.field == field && one.operator != Operator::NotIn && !self.any);
        choices.flat_map(|filter| filter.values.iter().map(String::as_str)).collect()
    }

    /// Refuses a value that no object can have. A list that is empty for this reason would look like the truth.
    ///
    /// # Errors
    /// [`ApiError`] that names the filter, with the allowed values.
    pub(crate) fn allow(&self, field: &str, allowed: &[&str]) -> Result<(), ApiError> {
        self.check(field, |value| allowed.contains(&value), || format!("use one of {}", allowed.join(", ")))
    }

    /// Refuses a value that is not the name of a state.
    ///
    /// # Errors
    /// [`ApiError`] that names the filter, with the names of the states.
    pub(crate) fn allow_states<S: State>(&self, field: &str) -> Result<(), ApiError> {
        self.allow(field, &state_names::<S>())
    }

    /// Refuses a value that is not the id of an object.
    ///
    /// # Errors
    /// [`ApiError`] that names the filter.
    pub(crate) fn allow_ids<T: FromStr>(&self, field: &str) -> Result<(), ApiError> {
        self.check(field, |value| value.parse::<T>().is_ok(), || "use an ID".to_owned())
    }

    fn check(
        &self,
        field: &str,
        is_allowed: impl Fn(&str) -> bool,
        advice: impl Fn() -> String,
    ) -> Result<(), ApiError> {
        for filter in self.filters.iter().filter(|filter| filter.field == field) {
            if let Some(value) = filter.values.iter().find(|value| !is_allowed(value)) {
                let name = format!("{field}[{}]", filter.operator.into_str());
                return Err(ApiError::invalid(
                    name,
                    format!("`{}` is not a valid value: {}", clip(value), advice()),
                ));
            }
        }
        Ok(())
    }

    /// The span that the filters of a time allow.
    ///
    /// # Errors
    /// [`ApiError`] that names a filter whose value is not a time.
    pub(crate) fn span(&self, field: &str) -> Result<Span, ApiError> {
        let mut span = Span::ALL;
        for filter in self.filters.iter().filter(|filter| filter.field == field) {
            for value in &filter.values {
                span = span.within(span_of(filter, value)?);
            }
        }
        Ok(span)
    }

    /// The span in which every found object must lie. All of time if another filter is enough.
    ///
    /// # Errors
    /// [`ApiError`] that names a filter whose value is not a time.
    pub(crate) fn bound(&self, field: &str) -> Result<Span, ApiError> {
        let span = self.span(field)?;
        Ok(if self.any { Span::ALL } else { span })
    }

    /// Says whether an object passes. `has` gives the value of a field.
    pub(crate) fn pass(&self, has: impl Fn(&str) -> Has) -> bool {
        let mut held = self.filters.iter().map(|filter| filter.holds(&has(&filter.field)));
        if self.any && !self.filters.is_empty() { held.any(|held| held) } else { held.all(|held| held) }
    }
}

/// The value of a field of an object.
pub(crate) enum Has {
    /// These texts. Empty if the field has no value.
    Texts(Vec<String>),
    /// A time.
    Time(Timestamp),
}

impl Has {
    /// One text.
    pub(crate) fn text(text: &str) -> Self {
        Self::Texts(vec![text.to_owned()])
    }

    /// Nothing.
    pub(crate) const fn nothing() -> Self {
        Self::Texts(Vec::new())
    }
}

impl Filter {
    fn holds(&self, has: &Has) -> bool {
        match has {
            Has::Texts(texts) => {
                let has = |value: &String| texts.contains(value);
                match self.operator {
                    Operator::AllOf => self.values.iter().all(has),
                    Operator::NotIn => !self.values.iter().any(has),
                    _ => self.values.iter().any(has),
                }
            }
            Has::Time(at) => {
                self.values.iter().all(|value| span_of(self, value).is_ok_and(|span| span.holds(*at)))
            }
        }
    }
}

/// The span that a filter of a time allows.
fn span_of(filter: &Filter, value: &str) -> Result<Span, ApiError> {
    let span = match filter.operator {
        Operator::Gte => moment(value).map(|(from, _)| Span { from, ..Span::ALL }),
        Operator::Lte => moment(value).map(|(_, to)| Span { to, ..Span::ALL }),
        Operator::DateRange => value
            .split_once('~')
            .and_then(|(first, last)| Some(Span { from: moment(first)?.0, to: moment(last)?.1 })),
        Operator::Is | Operator::OneOf | Operator::AllOf | Operator::NotIn => None,
    };
    span.ok_or_else(|| {
        let field = format!("{}[{}]", filter.field, filter.operator.into_str());
        ApiError::invalid(
            field,
            format!("`{}` is not a time: use a day, as 2024-12-02, or RFC 3339", clip(value)),
        )
    })
}

/// The first and the last moment of a day; a time is both.
fn moment(text: &str) -> Option<(Timestamp, Timestamp)> {
    if let Ok(at) = text.parse() {
        return Some((at, at));
    }
    let day: Date = text.parse().ok()?;
    let begin = |day: Date| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok();
    let (first, next) = (begin(day)?, begin(day.tomorrow().ok()?)?);
    Some((first, next - jiff::SignedDuration::from_nanos(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[(&str, &[Operator])] =
        &[("status", CHOICE), ("created_at", TIME), ("deduplication_key", SAME)];

    fn query(parts: &[(&str, &str)]) -> Query {
        Query(parts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn passes(parts: &[(&str, &str)], status: &str, at: &str) -> bool {
        let at = at.parse().unwrap();
        query(parts).filters(KNOWN).unwrap().pass(|field| match field {
            "status" => Has::text(status),
            "created_at" => Has::Time(at),
            _ => Has::nothing(),
        })
    }

    #[test]
    fn each_operator_compares_as_it_is_named() {
        let noon = "2024-12-08T12:00:00Z";
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("status[one_of]", "firing")], true),
            (&[("status[one_of]", "resolved"), ("status[one_of]", "firing")], true),
            (&[("status[one_of]", "resolved")], false),
            (&[("status[not_in]", "resolved")], true),
            (&[("status[not_in]", "resolved"), ("status[not_in]", "firing")], false),
            (&[("created_at[gte]", "2024-12-08")], true),
            (&[("created_at[gte]", "2024-12-09")], false),
            (&[("created_at[lte]", "2024-12-08")], true),
            (&[("created_at[lte]", "2024-12-08T11:59:59Z")], false),
            (&[("created_at[date_range]", "2024-12-02~2024-12-08")], true),
            (&[("created_at[date_range]", "2024-12-02~2024-12-07")], false),
            (&[("deduplication_key[is]", "x")], false),
            (&[("status[one_of]", "resolved"), ("created_at[gte]", "2024-12-08")], false),
            (
                &[("filter_mode", "any"), ("status[one_of]", "resolved"), ("created_at[gte]", "2024-12-08")],
                true,
            ),
            (&[("unknown", "plain values are left to others")], true),
        ];
        for (parts, expected) in cases {
            assert_eq!(passes(parts, "firing", noon), *expected, "{parts:?}");
        }
    }

    #[test]
    fn filter_of_one_of_many_fields_names_which() {
        let known: &[(&str, &[Operator])] = &[("attributes[]", CHOICE)];
        let passes = |key: &str, of: &str| {
            let filters = query(&[(key, "high")]).filters(known).unwrap();
            filters.pass(
                |field| if field == format!("attributes.{of}") { Has::text("high") } else { Has::nothing() },
            )
        };

        assert!(passes("attributes[A][one_of]", "A"));
        assert!(!passes("attributes[A][one_of]", "B"));
        assert!(!passes("attributes[A][not_in]", "A"));
        for key in ["attributes[one_of]", "attributes[A]", "attributes[A][gte]", "status[A][one_of]"] {
            assert!(query(&[(key, "x")]).filters(known).is_err(), "{key}");
        }
    }

    #[test]
    fn filter_that_cannot_be_honoured_is_refused() {
        for parts in [
            [("tags[one_of]", "x")],
            [("status[gte]", "x")],
            [("status", "firing")],
            [("status[one_of", "x")],
        ] {
            let refused = query(&parts).filters(KNOWN).is_err();
            // A lost bracket is forgiven, since the operator is plain.
            assert_eq!(refused, parts[0].0 != "status[one_of", "{parts:?}");
        }
        assert!(
            query(&[("created_at[gte]", "yesterday")]).filters(KNOWN).unwrap().span("created_at").is_err()
        );
        assert!(
            query(&[("created_at[date_range]", "2024-12-02")])
                .filters(KNOWN)
                .unwrap()
                .span("created_at")
                .is_err()
        );
    }
}
