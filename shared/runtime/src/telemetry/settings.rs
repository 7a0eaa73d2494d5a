//! The endpoints of telemetry, read from settings.

use http::Uri;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::config::{OTLP_ENDPOINT, OTLP_HEADERS, SENTRY_DSN, check_url};

/// The endpoints of spans and of errors. Each is optional.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The endpoint of spans.
    pub(super) otlp: Option<Endpoint>,
    /// The endpoint of errors.
    pub(super) sentry: Option<Endpoint>,
    /// The name of the function.
    pub(super) function: String,
}

/// An endpoint that accepts telemetry.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// The URL.
    pub(super) url: String,
    /// The headers of each request. Their values are marked as sensitive.
    pub(super) headers: HeaderMap,
}

impl Settings {
    /// Reads the settings, and adds what is invalid to `faults`. Values are never shown, because they may contain a key.
    pub(crate) fn read(get: &impl Fn(&str) -> Option<String>, faults: &mut Vec<String>) -> Self {
        let headers = get(OTLP_HEADERS).and_then(|text| {
            let headers = headers(&text);
            if headers.is_none() {
                faults.push(format!("{OTLP_HEADERS} is invalid: write it as `name=value,name=value`"));
            }
            headers
        });
        let otlp = get(OTLP_ENDPOINT).map(|base| {
            check_url(faults, OTLP_ENDPOINT, &base, &["http", "https"]);
            let mut headers = headers.unwrap_or_default();
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Endpoint { url: format!("{}/v1/traces", base.trim_end_matches('/')), headers }
        });
        let sentry = get(SENTRY_DSN).and_then(|dsn| {
            let endpoint = project(&dsn);
            if endpoint.is_none() {
                faults.push(format!("{SENTRY_DSN} is invalid: write it as `https://key@host/project`"));
            }
            endpoint
        });
        let function = get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "local".to_owned());
        Self { otlp, sentry, function }
    }
}

/// Parses headers in the format of OpenTelemetry's setting: `name=value,name=value`.
fn headers(text: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let name: HeaderName = name.trim().parse().ok()?;
        let mut value = HeaderValue::from_str(value.trim()).ok()?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Some(headers)
}

/// The endpoint of a DSN: `https://key@host/path/project`.
fn project(dsn: &str) -> Option<Endpoint> {
    let uri: Uri = dsn.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "https" | "http"))?;
    let (credentials, host) = uri.authority()?.as_str().rsplit_once('@')?;
    let (path, id) = uri.path().trim_end_matches('/').rsplit_once('/')?;
    // Old DSNs have a secret after the key, which Sentry no longer needs.
    let key = credentials.split(':').next().filter(|key| !key.is_empty())?;
    let client = concat!("firebell/", env!("CARGO_PKG_VERSION"));
    let auth = format!("Sentry sentry_version=7, sentry_client={client}, sentry_key={key}");
    let mut auth = HeaderValue::from_str(&auth).ok()?;
    auth.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-sentry-auth"), auth);
    let kind = HeaderValue::from_static("application/x-sentry-envelope");
    headers.insert(http::header::CONTENT_TYPE, kind);
    Some(Endpoint { url: format!("{scheme}://{host}{path}/api/{id}/envelope/"), headers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dsn_names_the_address_and_the_key_of_its_project() {
        for (dsn, url) in [
            ("https://abc@o1.ingest.example.com/42", "https://o1.ingest.example.com/api/42/envelope/"),
            (
                "http://abc:old@127.0.0.1:9000/below/here/42",
                "http://127.0.0.1:9000/below/here/api/42/envelope/",
            ),
        ] {
            let endpoint = project(dsn).unwrap();

            assert_eq!(endpoint.url, url);
            let auth = endpoint.headers["x-sentry-auth"].to_str().unwrap();
            assert!(auth.ends_with("sentry_key=abc"), "{auth}");
            assert!(!format!("{endpoint:?}").contains("abc"), "the key is shown");
        }
        for dsn in ["", "https://host/1", "https://@host/1", "https://abc@host", "ftp://abc@host/1"] {
            assert!(project(dsn).is_none(), "{dsn}");
        }
    }

    #[test]
    fn headers_are_pairs_and_never_shown() {
        let read = headers("x-api-key=a=b, x-other=c").unwrap();

        assert_eq!((&read["x-api-key"], &read["x-other"]), (&"a=b".parse().unwrap(), &"c".parse().unwrap()));
        assert!(!format!("{read:?}").contains("a=b"));
        assert!(headers("none").is_none() && headers("a b=c").is_none());
    }
}
