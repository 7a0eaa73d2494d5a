//! Conversion of a sender's values to the fields of an event, each within its limit.

use domain::text::{fingerprint, shorten, web_host};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::limits;

/// The text of a string, number or boolean. `None` for an empty text, `null`, an array or an object.
pub(crate) fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The text of the field with this name.
pub(crate) fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name).and_then(plain)
}

/// A deduplication key. A key over the limit is replaced by its hash, so that firing and resolved events still match.
pub(crate) fn key(key: String) -> String {
    if key.len() <= limits::KEY_BYTES { key } else { key_hash(&key) }
}

/// The key that takes the place of a key that cannot be kept as it is.
pub(crate) fn key_hash(key: &str) -> String {
    format!("sha256:{}", fingerprint(key.as_bytes(), 64))
}

/// A title, shortened to the limit.
pub(crate) fn title(text: &str) -> String {
    shorten(text, limits::TITLE_BYTES)
}

/// A description, shortened to the limit.
pub(crate) fn description(text: Option<String>) -> Option<String> {
    text.map(|text| shorten(&text, limits::DESCRIPTION_BYTES))
}

/// A priority, shortened to the limit.
pub(crate) fn priority(text: Option<String>) -> Option<String> {
    text.map(|text| shorten(&text, limits::PRIORITY_BYTES))
}

/// A link that a browser may follow. `None` if the text is not an absolute `http` or `https` URL, or exceeds the limit.
pub(crate) fn url(text: Option<String>) -> Option<String> {
    text.filter(|text| {
        web_host(text).is_some() && !text.contains(['<', '>', '"']) && text.len() <= limits::URL_BYTES
    })
}

/// A time in the format of RFC 3339. Years before 1970 are ignored, because senders write the year 1 for a missing time.
pub(crate) fn time(text: Option<String>) -> Option<Timestamp> {
    text?.parse().ok().filter(|time| *time > Timestamp::UNIX_EPOCH)
}

/// A time as a number since 1970. The size of the number tells the unit: seconds, milli-, micro- or nanoseconds.
pub(crate) fn epoch(text: Option<String>) -> Option<Timestamp> {
    let count: i64 = text?.parse().ok()?;
    let time = match count {
        1..100_000_000_000 => Timestamp::from_second(count),
        100_000_000_000..100_000_000_000_000 => Timestamp::from_millisecond(count),
        100_000_000_000_000..100_000_000_000_000_000 => Timestamp::from_microsecond(count),
        100_000_000_000_000_000.. => Timestamp::from_nanosecond(count.into()),
        _ => return None,
    };
    time.ok()
}

/// The text at the first of these paths that has one. Names match without regard to case and underscores.
pub(crate) fn first_text(fields: &Map<String, Value>, paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| plain(value_at(fields, path)?))
}

/// The value at a path, whose names are separated by dots.
pub(crate) fn value_at<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut steps = path.split('.');
    let first = value_of(fields, steps.next()?)?;
    steps.try_fold(first, |value, name| value_of(value.as_object()?, name))
}

/// The value of the field with this name, or of a field whose name differs only in case and underscores.
fn value_of<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let letters =
        |text: &'a str| text.bytes().filter(|b| *b != b'_' && *b != b'-').map(|b| b.to_ascii_lowercase());
    fields.get(name).or_else(|| {
        let wanted: Vec<u8> = name.bytes().filter(|byte| *byte != b'_').collect();
        fields.iter().find(|(found, _)| letters(found).eq(wanted.iter().copied())).map(|(_, value)| value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_links_to_the_web_are_kept() {
        let cases = [
            ("https://prometheus.example/graph?g0.expr=up", true),
            ("HTTP://10.0.0.1:9090", true),
            ("?orgId=1", false),
            ("/graph", false),
            ("prometheus.example/graph", false),
            ("https://", false),
            ("https:///graph", false),
            ("javascript://x/%0aalert(1)", false),
            ("https://a.example/\nBcc: x", false),
            ("https://a.example/\"onclick=", false),
        ];
        for (text, kept) in cases {
            assert_eq!(url(Some(text.to_owned())).is_some(), kept, "{text}");
        }
    }

    #[test]
    fn overlong_key_becomes_the_same_hash_each_time() {
        let long = "k".repeat(limits::KEY_BYTES + 1);

        assert_eq!(key("short".to_owned()), "short");
        assert_eq!(key(long.clone()), key(long.clone()));
        assert_eq!(key(long).len(), "sha256:".len() + 64);
    }

    #[test]
    fn year_one_is_not_a_time() {
        assert_eq!(time(Some("0001-01-01T00:00:00Z".to_owned())), None);
        assert_eq!(time(Some("yesterday".to_owned())), None);
        assert_eq!(
            time(Some("2017-08-03T15:17:37.804-04:00".to_owned())),
            Some("2017-08-03T19:17:37.804Z".parse().unwrap())
        );
    }

    #[test]
    fn count_is_of_the_unit_that_its_size_says() {
        let expected = Some("2017-08-14T11:25:56Z".parse().unwrap());
        for text in ["1502709956", "1502709956000", "1502709956000000", "1502709956000000000"] {
            assert_eq!(epoch(Some(text.to_owned())), expected, "{text}");
        }
        for text in ["0", "-1", "soon", "", "1.5e9", "99999999999999999999999"] {
            assert_eq!(epoch(Some(text.to_owned())), None, "{text}");
        }
    }
}
