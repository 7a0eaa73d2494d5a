//! Repair of JSON that a strict parser refuses, or that exceeds a limit. Only the faulty value changes, so that one bad
//! value does not cost the alert its title, key or status.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use crate::limits;

/// What takes the place of a value that was left out.
const LEFT_OUT: &str = "\"…\"";

/// The fewest bytes that a value gets. With less room than that, the value is left out.
const SMALLEST: usize = 32;

/// Repairs one event: escapes without their other half, numbers out of range, nesting over the limit, and size over the
/// limit. `None` if it still is not JSON.
pub(crate) fn event(raw: &RawValue) -> Option<Box<RawValue>> {
    let mut text = literals(raw.get(), limits::EVENT_DEPTH).unwrap_or_else(|| raw.get().to_owned());
    if text.len() > limits::EVENT_BYTES {
        let mut shorter = String::with_capacity(limits::EVENT_BYTES);
        // Commas and brackets are not counted.
        fit(&text, limits::EVENT_BYTES / 8 * 7, &mut shorter);
        text = shorter;
    }
    RawValue::from_string(text).ok()
}

/// Repairs escapes of half a character and numbers out of range, and leaves out containers deeper than `depth`. `None`
/// if there is nothing to repair.
///
/// Half a character becomes the text of its escape, and a number becomes a text, so that two different values stay
/// different.
pub(super) fn literals(json: &str, depth: usize) -> Option<String> {
    let mut mended = String::new();
    let (mut copied, mut level, mut at) = (0, 0_usize, 0);
    let bytes = json.as_bytes();
    while let Some(byte) = bytes.get(at) {
        let (end, replacement) = match byte {
            b'"' => string(json, at, &mut mended, &mut copied),
            b'-' | b'0'..=b'9' => number(json, at),
            b'{' | b'[' if level >= depth => (end_of_container(bytes, at), Some(LEFT_OUT.to_owned())),
            b'{' | b'[' => {
                level += 1;
                (at + 1, None)
            }
            b'}' | b']' => {
                level = level.saturating_sub(1);
                (at + 1, None)
            }
            _ => (at + 1, None),
        };
        if let Some(replacement) = replacement {
            mended.push_str(&json[copied..at]);
            mended.push_str(&replacement);
            copied = end;
        }
        at = end;
    }
    if copied == 0 {
        return None;
    }
    mended.push_str(&json[copied..]);
    Some(mended)
}

/// Repairs the escapes of the string that begins at `start`. Returns its end.
fn string(json: &str, start: usize, mended: &mut String, copied: &mut usize) -> (usize, Option<String>) {
    let bytes = json.as_bytes();
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            None => return (at, None),
            Some(b'"') => return (at + 1, None),
            Some(b'\\') => match (unit(bytes, at), unit(bytes, at + 6)) {
                (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 12,
                (Some(0xD800..=0xDFFF), _) => {
                    mended.push_str(&json[*copied..at]);
                    mended.push('\\');
                    *copied = at;
                    at += 6;
                }
                _ => at += 2,
            },
            Some(_) => at += 1,
        }
    }
}

/// The UTF-16 code unit of the escape `\uXXXX` at this place.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Finds the end of a number. A number that no `f64` holds is replaced by its text.
fn number(json: &str, start: usize) -> (usize, Option<String>) {
    let rest = &json[start..];
    let length =
        rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    let text = &rest[..length.count()];
    let is_too_large = text.parse::<f64>().is_ok_and(f64::is_infinite);
    (start + text.len(), is_too_large.then(|| format!("\"{text}\"")))
}

/// The end of the container that begins at `start`.
fn end_of_container(bytes: &[u8], start: usize) -> usize {
    let (mut level, mut in_string, mut at) = (0_usize, false, start);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => level += 1,
            b'}' | b']' if !in_string => {
                level = level.saturating_sub(1);
                if level == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Writes a value in at most about `room` bytes. Small values stay, and the largest ones are cut.
fn fit(json: &str, room: usize, into: &mut String) {
    let json = json.trim_ascii();
    if json.len() <= room {
        return into.push_str(json);
    }
    match json.as_bytes().first() {
        _ if room < SMALLEST => into.push_str(LEFT_OUT),
        Some(b'"') => into.extend([&json[..cut(json, room)], "…\""]),
        Some(b'{') => parts(json, true, room, into),
        Some(b'[') => parts(json, false, room, into),
        _ => into.push_str(LEFT_OUT),
    }
}

/// Where to cut a string of this JSON, so that its beginning has at most `room` bytes and no escape is cut in two.
fn cut(json: &str, room: usize) -> usize {
    let (bytes, end) = (json.as_bytes(), json.floor_char_boundary(room - "…\"".len()));
    let mut at = 1;
    while at < end {
        let length = match bytes[at] {
            b'\\' if unit(bytes, at).is_some_and(|unit| (0xD800..0xDC00).contains(&unit)) => 12,
            b'\\' if unit(bytes, at).is_some() => 6,
            b'\\' => 2,
            _ => 1,
        };
        if at + length > end {
            break;
        }
        at += length;
    }
    at
}

/// Writes the fields of an object or the elements of an array in at most about `room` bytes.
fn parts(json: &str, is_object: bool, room: usize, into: &mut String) {
    let (open, close) = if is_object { ('{', '}') } else { ('[', ']') };
    let mut reader = Deserializer::from_str(json);
    let parts = if is_object { reader.deserialize_map(Parts) } else { reader.deserialize_seq(Parts) };
    let parts = parts.unwrap_or_default();
    let room = room.saturating_sub("{}".len());
    let most = share(&parts, room);
    into.push(open);
    let start = into.len();
    for (name, value) in &parts {
        let name = match name {
            Some(name) => serde_json::to_string(name).expect("a text is serialised") + ":",
            None => String::new(),
        };
        let left = room.saturating_sub(into.len() - start + name.len());
        if left < value.get().len().min(SMALLEST) {
            continue;
        }
        if into.len() > start {
            into.push(',');
        }
        into.push_str(&name);
        fit(value.get(), most.min(left), into);
    }
    into.push(close);
}

/// How many bytes each part may have, so that they have room together: the parts that need less leave the rest to the
/// larger ones.
fn share(parts: &[(Option<Cow<'_, str>>, &RawValue)], room: usize) -> usize {
    let names: usize = parts.iter().map(|(name, _)| name.as_ref().map_or(1, |name| name.len() + 4)).sum();
    let mut room = room.saturating_sub(names);
    let mut sizes: Vec<usize> = parts.iter().map(|(_, value)| value.get().len()).collect();
    sizes.sort_unstable();
    let mut left = sizes.len();
    for size in sizes {
        let each = room / left.max(1);
        if size > each {
            return each.max(SMALLEST);
        }
        room -= size;
        left -= 1;
    }
    usize::MAX
}

/// Visitor that collects the fields of an object, or the elements of an array.
struct Parts;

impl<'a> Visitor<'a> for Parts {
    type Value = Vec<(Option<Cow<'a, str>>, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some((name, value)) = map.next_entry::<Cow<'a, str>, _>()? {
            parts.push((Some(name), value));
        }
        Ok(parts)
    }

    fn visit_seq<A: serde::de::SeqAccess<'a>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(value) = elements.next_element()? {
            parts.push((None, value));
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn mended(json: &str) -> Value {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        serde_json::from_str(event(raw).unwrap().get()).unwrap()
    }

    #[test]
    fn halves_of_characters_stay_different() {
        let json = r#"{"a":"x \ud83d","b":"\ude00\ud83d\ude00","\ud83d":"\\ud83d","c":"\uD83D\n"}"#;

        let mended = mended(json);

        assert_eq!(mended["a"], r"x \ud83d");
        assert_eq!(mended["b"], "\\ude00😀");
        assert_eq!(mended[r"\ud83d"], r"\ud83d");
        assert_eq!(mended["c"], "\\uD83D\n");
    }

    #[test]
    fn number_out_of_range_becomes_its_text() {
        let mended = mended(r#"{"a":1e400,"b":-1E+999,"c":[1e308,12],"d":"1e400"}"#);

        assert_eq!(mended, serde_json::json!({"a": "1e400", "b": "-1E+999", "c": [1e308, 12], "d": "1e400"}));
    }

    #[test]
    fn only_what_is_too_deep_is_left_out() {
        let deep = format!("{}\"]\\\"[\"{}", "[".repeat(1000), "]".repeat(1000));
        let mended = mended(&format!(r#"{{"deep":{deep},"title":"T","near":[[1]]}}"#));

        assert_eq!((&mended["title"], &mended["near"]), (&"T".into(), &serde_json::json!([[1]])));
        assert!(mended["deep"][0][0].is_array());
    }

    #[test]
    fn only_the_largest_values_are_cut() {
        let long = "é\\\"\n".repeat(limits::EVENT_BYTES / 4);
        let many: Vec<String> = (0..100_000).map(|n| format!("element {n}")).collect();
        let json = serde_json::json!({
            "payload": { "summary": "Disk", "details": { "log": long, "host": "db-1" } },
            "list": many, "dedup_key": "k"
        });
        let raw = json.to_string();

        let short = event(serde_json::from_str(&raw).unwrap()).unwrap();

        assert!(short.get().len() <= limits::EVENT_BYTES, "{}", short.get().len());
        let short: Value = serde_json::from_str(short.get()).unwrap();
        assert_eq!((&short["dedup_key"], &short["payload"]["summary"]), (&"k".into(), &"Disk".into()));
        assert_eq!(short["payload"]["details"]["host"], "db-1");
        assert!(short["payload"]["details"]["log"].as_str().unwrap().len() > 10_000);
        assert_eq!(short["list"][1], "element 1");
    }

    #[test]
    fn what_needs_no_repair_is_not_copied() {
        for json in [r#"{"a":"\ud83d\ude00 é","b":[1.5e3,-2]}"#, "[]", "1", r#""\\ud83d""#] {
            assert_eq!(literals(json, 64), None, "{json}");
        }
    }
}
