//! Parsing of untrusted JSON, within limits and element by element, so that an invalid element affects no other.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Deserializer, Map, Value};

use crate::limits;
use crate::parsed::{ParseError, UnreadableReason};

mod mend;

pub(crate) use mend::event as mended;

/// The text of a body. One bad byte or escape in a label must not lose an alert: bytes that are not UTF-8 are read as
/// Latin-1, and escapes of half a character become texts.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(utf8_or_latin1(body)),
    };
    let may_have_halves = text.contains("\\ud") || text.contains("\\uD");
    match may_have_halves.then(|| mend::literals(&text, usize::MAX)).flatten() {
        Some(mended) => Cow::Owned(mended),
        None => text,
    }
}

/// Decodes bytes of which some are not UTF-8. These are read as Latin-1, which is what most such senders write, so that
/// two different texts stay different.
fn utf8_or_latin1(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    text
}

/// Reads a text as one JSON value. Its content is only checked for syntax, and without recursion.
///
/// # Errors
/// [`ParseError::NotJson`] if the text is not JSON.
pub(crate) fn document(text: &str) -> Result<&RawValue, ParseError> {
    serde_json::from_str(text).map_err(|error| ParseError::NotJson { reason: error.to_string() })
}

/// The fields of an object with these names. Of fields with the same name, the last one counts.
pub(crate) fn fields<'a, const N: usize>(
    object: &'a RawValue,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], serde_json::Error> {
    Deserializer::from_str(object.get()).deserialize_map(Fields { names, found: [None; N] })
}

/// Visitor that picks fields out of an object.
struct Fields<'a, const N: usize> {
    /// The names of the fields.
    names: [&'static str; N],
    /// The values that were found so far.
    found: [Option<&'a RawValue>; N],
}

impl<'a, const N: usize> Visitor<'a> for Fields<'a, N> {
    type Value = [Option<&'a RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(name) = map.next_key::<Cow<'a, str>>()? {
            match self.names.iter().position(|wanted| *wanted == name) {
                Some(index) => self.found[index] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(self.found)
    }
}

/// Calls `element` with each element of an array. They are not collected, because a list of them could need many times
/// the memory of the body.
pub(crate) fn each<'a>(
    array: &'a RawValue,
    element: impl FnMut(&'a RawValue),
) -> Result<(), serde_json::Error> {
    Deserializer::from_str(array.get()).deserialize_seq(Elements(element))
}

/// Visitor that passes on the elements of an array.
struct Elements<F>(F);

impl<'a, F: FnMut(&'a RawValue)> Visitor<'a> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut array: A) -> Result<(), A::Error> {
        while let Some(element) = array.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }
}

/// Reads one event, which is an object within the limits.
///
/// # Errors
/// [`UnreadableReason`] if it is not an object, or over a limit.
pub(crate) fn object(raw: &RawValue) -> Result<Map<String, Value>, UnreadableReason> {
    let json = raw.get();
    if json.len() > limits::EVENT_BYTES {
        return Err(UnreadableReason::TooLarge { bytes: json.len() });
    }
    if depth(json) > limits::EVENT_DEPTH {
        return Err(UnreadableReason::TooDeep);
    }
    match serde_json::from_str(json) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(UnreadableReason::UnexpectedShape { expected: "an object" }),
        Err(error) => Err(UnreadableReason::Malformed { reason: error.to_string() }),
    }
}

/// The depth of nesting of a JSON text, computed without recursion.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        let cases = [
            ("1", 0),
            ("{}", 1),
            (r#"{"a":[[]]}"#, 3),
            (r#"{"a":"[[[["}"#, 1),
            (r#"{"a":"\"[["}"#, 1),
            (r#"{"a":"\\","b":[]}"#, 2),
            ("[[],[],[]]", 2),
        ];
        for (json, expected) in cases {
            assert_eq!(depth(json), expected, "{json}");
        }
    }

    #[test]
    fn deep_nesting_is_measured_without_recursion() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));

        let raw = document(&deep).unwrap();

        assert_eq!(depth(raw.get()), 1_000_000);
        assert_eq!(
            fields(document(&format!(r#"{{"x":{deep},"a":1}}"#)).unwrap(), ["a"]).unwrap()[0].unwrap().get(),
            "1"
        );
    }

    #[test]
    fn last_of_equal_names_counts() {
        let raw = document(r#"{"a":1,"b":2,"a":3}"#).unwrap();

        let [a, c] = fields(raw, ["a", "c"]).unwrap();

        assert_eq!((a.unwrap().get(), c.is_none()), ("3", true));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin1() {
        assert_eq!(text(b"\xEF\xBB\xBF{\"a\":\"caf\xE9 \xC3\xA9\"}"), "{\"a\":\"caf\u{E9} \u{E9}\"}");
    }
}
