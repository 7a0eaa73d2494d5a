//! Signs requests to AWS services.
//!
//! A function that makes a single kind of request to a service uses this instead of the service's SDK client, which
//! would be larger than the rest of the function.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Signs requests to one AWS service in one region (Signature Version 4).
pub struct Signer {
    region: String,
    service: &'static str,
    identity: Identity,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Creates a signer for a service and region from an access key id, its secret and the session token, if any.
    pub fn new(
        service: &'static str,
        region: &str,
        (id, secret, session): (&str, &str, Option<&str>),
    ) -> Self {
        let credentials = Credentials::new(id, secret, session.map(str::to_owned), None, "environment");
        Self { region: region.to_owned(), service, identity: credentials.into() }
    }

    /// The AWS region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the headers of a request with the signature added. `at` is the time since the Unix epoch.
    ///
    /// # Errors
    /// Returns an error if the URL or a header is invalid.
    pub fn signed(
        &self,
        (method, url): (&Method, &str),
        mut headers: HeaderMap,
        body: &[u8],
        at: Duration,
    ) -> Result<HeaderMap, BoxError> {
        let mut settings = SigningSettings::default();
        // S3 requires the checksum header of the body and signs paths without normalising them.
        if self.service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let params = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + at)
            .settings(settings)
            .build()?
            .into();
        let pairs: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| Ok((name.as_str(), value.to_str()?)))
            .collect::<Result<_, BoxError>>()?;
        let request =
            SignableRequest::new(method.as_str(), url, pairs.into_iter(), SignableBody::Bytes(body))?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        let (signed, _) = instructions.into_parts();
        for header in signed {
            let name = HeaderName::from_bytes(header.name().as_bytes())?;
            headers.insert(name, HeaderValue::from_str(header.value())?);
        }
        Ok(headers)
    }
}
