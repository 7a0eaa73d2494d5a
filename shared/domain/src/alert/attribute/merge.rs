//! How the values of an attribute are merged when the alert repeats.

use serde::{Deserialize, Serialize};

use super::{ALL_BYTES, AlertAttribute, Bound, MOST_VALUES};
use crate::template::Problem;

/// The merge strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Keep the first values.
    FirstWins,
    /// The newest.
    LastWins,
    /// Keep the first values and append new ones.
    Append,
    /// The greatest.
    Max,
    /// The least.
    Min,
}

impl Merge {
    /// Says whether merging needs the earlier values.
    pub const fn looks_back(self) -> bool {
        match self {
            Self::LastWins => false,
            Self::FirstWins | Self::Append | Self::Max | Self::Min => true,
        }
    }

    /// Merges values. Merging the same values again changes nothing.
    fn of(self, old: &[String], new: Vec<String>) -> Vec<String> {
        match self {
            _ if old.is_empty() => new,
            _ if new.is_empty() && self.looks_back() => old.to_vec(),
            Self::LastWins => new,
            Self::FirstWins => old.to_vec(),
            Self::Append => {
                let mut all = old.to_vec();
                for value in new {
                    if !all.contains(&value) {
                        all.push(value);
                    }
                }
                all
            }
            Self::Max => best(old, new, |one, other| one > other),
            Self::Min => best(old, new, |one, other| one < other),
        }
    }
}

/// The smallest number in an order; values that are not numbers come last.
fn best(old: &[String], new: Vec<String>, before: fn(f64, f64) -> bool) -> Vec<String> {
    let mut best: Option<(f64, String)> = None;
    for text in old.iter().cloned().chain(new) {
        let Ok(number) = text.trim().parse::<f64>() else { continue };
        if best.as_ref().is_none_or(|(best, _)| before(number, *best)) {
            best = Some((number, text));
        }
    }
    best.map(|(_, text)| text).into_iter().collect()
}

/// Merges the earlier and the new attributes of an alert; returns them with the problems of values that did not fit.
pub fn merged(
    bound: &[Bound],
    old: &[AlertAttribute],
    new: Vec<AlertAttribute>,
) -> (Vec<AlertAttribute>, Vec<Problem>) {
    let (mut all, mut problems, mut bytes) = (Vec::new(), Vec::new(), 0);
    for bound in bound {
        let find = |said: &[AlertAttribute]| said.iter().find(|said| said.id == bound.attribute).cloned();
        let (before, now) = (find(old), find(&new));
        let merge = bound.merge.unwrap_or(Merge::LastWins);
        let Some(said) = now.or_else(|| before.clone().filter(|_| merge.looks_back())) else { continue };
        let name = said.attribute.name.clone();
        let before = before.map(|before| before.values).unwrap_or_default();
        let is_new = new.iter().any(|new| new.id == bound.attribute);
        let mut values = merge.of(&before, if is_new { said.values } else { Vec::new() });
        if values.len() > MOST_VALUES {
            problems.push(Problem(format!(
                "the alert attribute `{name}` already has {MOST_VALUES} values: new ones were not added"
            )));
            values.truncate(MOST_VALUES);
        }
        bytes += values.iter().map(String::len).sum::<usize>();
        if bytes > ALL_BYTES {
            problems.push(Problem(format!("the alert attributes have more than {ALL_BYTES} bytes")));
            break;
        }
        all.push(AlertAttribute { values, ..said });
    }
    (all, problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Attribute;
    use crate::id::AttributeId;
    use crate::template::Binding;

    fn id() -> AttributeId {
        AttributeId::new(jiff::Timestamp::UNIX_EPOCH, 1)
    }

    fn said(values: &[&str]) -> Vec<AlertAttribute> {
        let attribute = Attribute {
            name: "A".to_owned(),
            kind: "Number".to_owned(),
            array: true,
            required: false,
            emoji: None,
        };
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        if values.is_empty() { vec![] } else { vec![AlertAttribute { id: id(), attribute, values }] }
    }

    fn values_of(merge: Option<Merge>, old: &[&str], new: &[&str]) -> (Vec<String>, usize) {
        let bound = Bound { attribute: id(), values: vec![Binding::Literal(String::new())], merge };
        let (said, problems) = merged(&[bound], &said(old), said(new));
        (said.into_iter().flat_map(|said| said.values).collect(), problems.len())
    }

    #[test]
    fn values_stay_or_go_by_their_strategy_and_merging_twice_changes_nothing() {
        type Case<'a> = (Option<Merge>, &'a [&'a str], &'a [&'a str], &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            (None, &["1"], &["2"], &["2"]),
            (None, &["1"], &[], &[]),
            (Some(Merge::LastWins), &["1"], &["2"], &["2"]),
            (Some(Merge::FirstWins), &["1"], &["2"], &["1"]),
            (Some(Merge::FirstWins), &[], &["2"], &["2"]),
            (Some(Merge::FirstWins), &["1"], &[], &["1"]),
            (Some(Merge::Append), &["1"], &["2", "1"], &["1", "2"]),
            (Some(Merge::Max), &["9"], &["10"], &["10"]),
            (Some(Merge::Max), &["10"], &["9"], &["10"]),
            (Some(Merge::Min), &["9"], &["10"], &["9"]),
            (Some(Merge::Max), &["-1.5"], &["nonsense"], &["-1.5"]),
        ];
        for (merge, old, new, expected) in cases {
            let (once, problems) = values_of(*merge, old, new);
            assert_eq!(
                (once.as_slice(), problems),
                (&expected.iter().map(|&v| v.to_owned()).collect::<Vec<_>>()[..], 0),
                "{merge:?} {old:?} {new:?}"
            );
            let again: Vec<&str> = once.iter().map(String::as_str).collect();
            assert_eq!(values_of(*merge, &again, new).0, once, "twice: {merge:?} {old:?} {new:?}");
        }
    }

    #[test]
    fn what_is_added_has_a_bound() {
        let old: Vec<String> = (0..MOST_VALUES).map(|n| n.to_string()).collect();
        let old: Vec<&str> = old.iter().map(String::as_str).collect();

        let (values, problems) = values_of(Some(Merge::Append), &old, &["new"]);

        assert_eq!((values.len(), problems), (MOST_VALUES, 1));
    }
}
