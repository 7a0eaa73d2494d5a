//! URL-encoded forms, for senders that can send their JSON in a form.

use ::http::HeaderMap;
use ::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

/// Whether a body is a form. A body that begins like JSON is JSON whatever its content type says, because `curl -d`
/// declares every body to be a form.
pub(crate) fn is_form(headers: &HeaderMap, body: &str) -> bool {
    let media = headers.get(CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
    media.is_some_and(|media| media.starts_with(b"application/x-www-form-urlencoded"))
        && !body.trim_start().starts_with(['{', '['])
}

/// The value of the last field with this name.
pub(crate) fn field(form: &str, name: &str) -> Option<String> {
    fields(form).filter(|(found, _)| found == name).last().map(|(_, value)| value)
}

/// The fields of a form as a JSON object. Of fields with the same name, the last one counts.
pub(crate) fn object(form: &str) -> String {
    Value::Object(fields(form).map(|(name, value)| (name, Value::String(value))).collect::<Map<_, _>>())
        .to_string()
}

/// The decoded fields of a form. Bytes that are not UTF-8 are replaced.
fn fields(form: &str) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(form.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_the_last_of_equal_names_counts() {
        let form = "a=1&payload=%7B%22a%22%3A%22x+y%2Bz%22%7D&&b&a=2&c=%zz%FF";

        assert_eq!(field(form, "payload").as_deref(), Some(r#"{"a":"x y+z"}"#));
        assert_eq!(field(form, "missing"), None);
        assert_eq!(
            serde_json::from_str::<Value>(&object(form)).unwrap(),
            serde_json::json!({"a": "2", "b": "", "c": "%zz\u{FFFD}", "payload": "{\"a\":\"x y+z\"}"})
        );
    }

    #[test]
    fn json_that_calls_itself_a_form_is_json() {
        let cases = [
            (Some("application/x-www-form-urlencoded"), "a=1", true),
            (Some("Application/X-WWW-Form-Urlencoded; charset=utf-8"), "a=1", true),
            (Some("application/x-www-form-urlencoded"), " {\"a\":1}", false),
            (Some("application/json"), "a=1", false),
            (None, "a=1", false),
        ];
        for (media, body, expected) in cases {
            let headers = media.map(|media| (CONTENT_TYPE, media.parse().unwrap())).into_iter().collect();
            assert_eq!(is_form(&headers, body), expected, "{media:?} {body}");
        }
    }
}
