//! Redaction: numbers that are removed from events before anything is stored.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A kind of number that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redaction {
    /// A credit card number: 13 to 19 digits with a valid check digit.
    CreditCardNumbers,
    /// A US social security number, `123-45-6789`.
    UsSocialSecurityNumbers,
    /// A phone number: an international one with its plus, or ten digits in groups.
    PhoneNumbers,
}

impl Redaction {
    /// The replacement text.
    const fn mark(self) -> &'static str {
        match self {
            Self::CreditCardNumbers => "[credit card number removed]",
            Self::UsSocialSecurityNumbers => "[social security number removed]",
            Self::PhoneNumbers => "[phone number removed]",
        }
    }

    /// Says whether a run of digits and separators is such a number.
    fn is(self, run: &str) -> bool {
        let digits: Vec<u32> = run.chars().filter_map(|c| c.to_digit(10)).collect();
        let groups =
            || run.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).map(str::len);
        match self {
            Self::CreditCardNumbers => {
                (13..=19).contains(&digits.len()) && is_checked(&digits) && !run.contains('.')
            }
            Self::UsSocialSecurityNumbers => {
                groups().eq([3, 2, 4]) && run.matches('-').count() + run.matches(' ').count() == 2
            }
            Self::PhoneNumbers => {
                let international = run.starts_with('+') && (8..=15).contains(&digits.len());
                let national = digits.len() == 10 && groups().eq([3, 3, 4]);
                let with_country = digits.len() == 11 && groups().eq([1, 3, 3, 4]);
                international || national || with_country
            }
        }
    }
}

/// Verifies the Luhn check digit.
fn is_checked(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(n, &digit)| match digit * 2 {
            _ if n % 2 == 0 => digit,
            twice if twice > 9 => twice - 9,
            twice => twice,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether a character may stand in such a number.
fn is_part(c: char) -> bool {
    c.is_ascii_digit() || is_between(c) || c == '+'
}

/// Whether a character may stand between its digits.
const fn is_between(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '(' | ')')
}

/// A text without these numbers.
pub fn redact<'a>(redactions: &[Redaction], text: &'a str) -> Cow<'a, str> {
    if redactions.is_empty() || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit() || c == '+' || c == '(') {
        let inside_a_word = rest[..start].chars().next_back().is_some_and(char::is_alphanumeric);
        let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |end| start + end);
        let run = rest[start..end].trim_end_matches(|c| is_between(c) || c == '+');
        let end = start + run.len().max(1);
        let runs_on = rest[end..].starts_with(char::is_alphanumeric);
        let found = redactions.iter().find(|redaction| !inside_a_word && !runs_on && redaction.is(run));
        kept.push_str(&rest[..start]);
        kept.push_str(found.map_or(&rest[start..end], |found| found.mark()));
        rest = &rest[end..];
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// A JSON value without these numbers in any of its texts.
pub fn redact_value(redactions: &[Redaction], value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(kept) = redact(redactions, text) {
                *text = kept;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| redact_value(redactions, value)),
        Value::Object(fields) => fields.values_mut().for_each(|value| redact_value(redactions, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALL: &[Redaction] =
        &[Redaction::CreditCardNumbers, Redaction::UsSocialSecurityNumbers, Redaction::PhoneNumbers];

    #[test]
    fn numbers_are_removed_and_what_only_looks_like_one_stays() {
        let cases = [
            ("card 4111 1111 1111 1111.", "card [credit card number removed]."),
            ("card 4111-1111-1111-1111", "card [credit card number removed]"),
            ("378282246310005!", "[credit card number removed]!"),
            ("no card 4111 1111 1111 1112", "no card 4111 1111 1111 1112"),
            ("ssn 078-05-1120,", "ssn [social security number removed],"),
            ("call +49 30 901820 or (555) 010-9999", "call [phone number removed] or [phone number removed]"),
            ("1-800-555-0199 now", "[phone number removed] now"),
            ("at 2026-11-17T09:30:00Z, 10.0.0.1, 42 mails", "at 2026-11-17T09:30:00Z, 10.0.0.1, 42 mails"),
            ("id a4111111111111111 and 4111111111111111b", "id a4111111111111111 and 4111111111111111b"),
            ("+ ( 1", "+ ( 1"),
            ("été +", "été +"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(ALL, text), expected);
        }
    }

    #[test]
    fn only_what_was_chosen_is_removed() {
        let text = "ssn 078-05-1120, card 4111 1111 1111 1111";

        assert_eq!(redact(&[], text), text);
        assert_eq!(
            redact(&[Redaction::CreditCardNumbers], text),
            "ssn 078-05-1120, card [credit card number removed]"
        );
    }

    #[test]
    fn every_text_of_a_payload_is_looked_at() {
        let mut value =
            json!({"text": "4111111111111111", "to": ["+49 30 901820"], "n": 4_111_111_111_111_111_u64});

        redact_value(ALL, &mut value);

        assert_eq!(value["text"], "[credit card number removed]");
        assert_eq!(value["to"][0], "[phone number removed]");
        assert_eq!(value["n"], 4_111_111_111_111_111_u64);
    }
}
