//! What a query asks for: plain values and filters in brackets, as in `status[one_of]=firing`, of one of many fields as in
//! `attributes[01FCNDV6P870EA6S7TK1DSYDG0][one_of]=high`.

use axum::extract::FromRequestParts;
use domain::Timestamp;
use http::request::Parts;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::ApiError;
use crate::api::clip;

/// A query, in the order of its parts.
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let query =
            query.map_err(|error| ApiError::bad_request(format!("The query cannot be read: {error}")))?;
        Ok(Self(query.0))
    }
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// It is this.
    Is,
    /// It is one of these.
    OneOf,
    /// It is each of these.
    AllOf,
    /// It is none of these.
    NotIn,
    /// It is not before this.
    Gte,
    /// It is not after this.
    Lte,
    /// It is between two days, as in `2024-12-02~2024-12-08`.
    DateRange,
}

impl Operator {
    /// The name in a query.
    const fn name(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::OneOf => "one_of",
            Self::AllOf => "all_of",
            Self::NotIn => "not_in",
            Self::Gte => "gte",
            Self::Lte => "lte",
            Self::DateRange => "date_range",
        }
    }
}

/// What identifiers and states are filtered by.
pub(crate) const CHOICE: &[Operator] = &[Operator::OneOf, Operator::NotIn];
/// What times are filtered by.
pub(crate) const TIME: &[Operator] = &[Operator::Gte, Operator::Lte, Operator::DateRange];
/// What a single value is filtered by.
pub(crate) const SAME: &[Operator] = &[Operator::Is];

/// A filter: all of its values belong to one operator.
#[derive(Debug)]
struct Filter {
    field: String,
    operator: Operator,
    values: Vec<String>,
}

/// The filters of a query; all of them must hold, or any of them.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    filters: Vec<Filter>,
    any: bool,
}

impl Query {
    /// A plain value; the last one, if it is there more than once. An empty one is none.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The query without a plain value.
    pub(crate) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(key, _)| key != name).cloned().collect())
    }

    /// The filters, of the fields that there are and the operators that each takes.
    ///
    /// # Errors
    /// [`ApiError`] naming a filter that could not be honoured: to ignore it would show too much.
    pub(crate) fn filters(&self, known: &[(&'static str, &'static [Operator])]) -> Result<Filters, ApiError> {
        let mut filters: Vec<Filter> = Vec::new();
        for (key, value) in &self.0 {
            let (name, rest) = key.split_once('[').unwrap_or((key, ""));
            let rest = rest.strip_suffix(']').unwrap_or(rest);
            // Of one of many fields: which, and how it compares.
            let (of, operator) = rest.split_once("][").map_or((None, rest), |(of, rest)| (Some(of), rest));
            let found = known.iter().find(|(field, _)| match of {
                None => *field == name,
                Some(_) => field.strip_suffix("[]") == Some(name),
            });
            let Some((field, operators)) = found else {
                if key.contains('[') {
                    let names: Vec<&str> = known.iter().map(|(field, _)| *field).collect();
                    let reason = format!("This list is filtered by {}", names.join(", "));
                    return Err(ApiError::invalid(clip(key), reason));
                }
                continue;
            };
            let Some(operator) = operators.iter().copied().find(|one| one.name() == operator) else {
                let names: Vec<&str> = operators.iter().map(|one| one.name()).collect();
                return Err(ApiError::invalid(clip(key), format!("`{field}` takes {}", names.join(", "))));
            };
            let field = of.map_or_else(|| (*field).to_owned(), |of| format!("{name}.{of}"));
            match filters.iter_mut().find(|filter| filter.field == field && filter.operator == operator) {
                Some(filter) => filter.values.push(value.clone()),
                None => filters.push(Filter { field, operator, values: vec![value.clone()] }),
            }
        }
        Ok(Filters { filters, any: self.one("filter_mode") == Some("any") })
    }
}

/// A span of time, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Not before this.
    pub(crate) from: Timestamp,
    /// Not after this.
    pub(crate) to: Timestamp,
}

impl Span {
    /// All of time.
    pub(crate) const ALL: Self = Self { from: Timestamp::MIN, to: Timestamp::MAX };

    /// Says whether a time lies in it.
    pub(crate) fn holds(&self, at: Timestamp) -> bool {
        (self.from..=self.to).contains(&at)
    }

    /// The time in both.
    fn within(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }
}

impl Filters {
    /// Says whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The values that a field must be one of; none if nothing is said, or another filter may do instead.
    pub(crate) fn values(&self, field: &str) -> Vec<&str> {
        let choices = self
            .filters
            .iter()
            .filter(|one| one.field == field && one.operator != Operator::NotIn && !self.any);
        choices.flat_map(|filter| filter.values.iter().map(String::as_str)).collect()
    }

    /// The span of a time's filters.
    ///
    /// # Errors
    /// [`ApiError`] naming a filter whose value is no time.
    pub(crate) fn span(&self, field: &str) -> Result<Span, ApiError> {
        let mut span = Span::ALL;
        for filter in self.filters.iter().filter(|filter| filter.field == field) {
            for value in &filter.values {
                span = span.within(span_of(filter, value)?);
            }
        }
        Ok(span)
    }

    /// The span that every found thing must lie in; all of time if another filter may do instead.
    ///
    /// # Errors
    /// [`ApiError`] naming a filter whose value is no time.
    pub(crate) fn bound(&self, field: &str) -> Result<Span, ApiError> {
        let span = self.span(field)?;
        Ok(if self.any { Span::ALL } else { span })
    }

    /// Says whether something passes. `has` tells of a field the texts that it has, or the time that it is.
    pub(crate) fn pass(&self, has: impl Fn(&str) -> Has) -> bool {
        let mut held = self.filters.iter().map(|filter| filter.holds(&has(&filter.field)));
        if self.any && !self.filters.is_empty() { held.any(|held| held) } else { held.all(|held| held) }
    }
}

/// What something has in a field.
pub(crate) enum Has {
    /// These texts; none at all, if nothing is there.
    Texts(Vec<String>),
    /// This time.
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

/// The span that one filter of a time means.
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
        let field = format!("{}[{}]", filter.field, filter.operator.name());
        ApiError::invalid(field, format!("`{}` is no time: use 2024-12-02 or RFC 3339", clip(value)))
    })
}

/// The first and the last moment of a day, or the one moment.
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
