//! Messages from Amazon SNS: an envelope that SNS signs with its own key, and a certificate for that key.
//!
//! Everything here is pure. The caller fetches the certificate from [`Envelope::certificate_url`]. A valid signature
//! only proves that SNS sent the message. SNS sends for the topics of all its customers, so the caller must check the
//! topic as well.

use std::borrow::Cow;

use ::http::Uri;
use base64::Engine;
use domain::text::fingerprint;
use jiff::{SignedDuration, Timestamp};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use serde::Deserialize;
use x509_cert::der::DecodePem;

use super::{BASE64, Verified, VerifyError};
use crate::Delivery;

/// Largest age of a message. SNS retries for at most one hour.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(1);

/// How far the clock of SNS may be ahead of Firebell's.
const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// The object identifier of RSA keys, for every hash algorithm.
const RSA: &str = "1.2.840.113549.1.1.1";

/// The type of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Purpose {
    /// A message that was published to the topic.
    Notification,
    /// A subscription must be confirmed.
    SubscriptionConfirmation,
    /// A subscription has ended.
    UnsubscribeConfirmation,
}

/// The envelope that SNS puts around a message.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope<'a> {
    /// The type of the message.
    #[serde(rename = "Type")]
    pub purpose: Purpose,
    /// The ARN of the topic.
    #[serde(borrow)]
    pub topic_arn: Cow<'a, str>,
    /// The text of the message.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
    /// The id of the message, which is the same each time that SNS sends it.
    #[serde(borrow, default)]
    message_id: Cow<'a, str>,
    /// The subject, if the message has one.
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    /// The time at which SNS sent the message.
    #[serde(borrow, default)]
    timestamp: Cow<'a, str>,
    /// The version of the signature, which decides the hash algorithm.
    #[serde(borrow, default)]
    signature_version: Cow<'a, str>,
    /// The signature, in base64.
    #[serde(borrow, default)]
    signature: Cow<'a, str>,
    /// The address of the certificate.
    #[serde(borrow, default, rename = "SigningCertURL", alias = "SigningCertUrl")]
    signing_cert_url: Cow<'a, str>,
    /// The address that confirms the subscription when it is requested.
    #[serde(borrow, default, rename = "SubscribeURL", alias = "SubscribeUrl")]
    subscribe_url: Option<Cow<'a, str>>,
    /// The token that confirms the subscription.
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
}

impl<'a> Envelope<'a> {
    /// Reads an envelope. `None` if the body is something else.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)).ok()
    }

    /// The address of the certificate. `None` if the address is not that of SNS in the topic's region.
    pub fn certificate_url(&self) -> Option<&str> {
        let path = self.sns_path(&self.signing_cert_url)?;
        let file = path.strip_prefix('/')?.strip_suffix(".pem")?;
        let plain = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (plain && !file.is_empty()).then_some(&self.signing_cert_url)
    }

    /// The address that confirms the subscription. `None` if the message is not a confirmation request, or the address
    /// is not that of SNS in the topic's region.
    pub fn confirmation_url(&self) -> Option<&str> {
        let url =
            self.subscribe_url.as_deref().filter(|_| self.purpose == Purpose::SubscriptionConfirmation)?;
        let query = self.sns_path(url)?.strip_prefix("/?")?;
        query.split('&').any(|pair| pair == "Action=ConfirmSubscription").then_some(url)
    }

    /// The path and query of an address, if it is an address of SNS in the topic's region.
    fn sns_path<'u>(&self, url: &'u str) -> Option<&'u str> {
        let mut arn = self.topic_arn.split(':');
        let (scheme, partition, service, region) = (arn.next()?, arn.next()?, arn.next()?, arn.next()?);
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if scheme != "arn" || service != "sns" || region.len() < 3 || !plain(region) {
            return None;
        }
        let china = if partition == "aws-cn" { ".cn" } else { "" };
        let home = format!("https://sns.{region}.amazonaws.com{china}");
        // The HTTP client parses the address again. An address that it would read differently is refused here.
        let uri: Uri = url.parse().ok()?;
        let path = url.strip_prefix(&home).filter(|path| path.starts_with('/'))?;
        (uri.path_and_query()?.as_str() == path).then_some(path)
    }

    /// The signed text: the fields of this type of message with their names, in the order of the names.
    fn signed_text(&self) -> String {
        let purpose = match self.purpose {
            Purpose::Notification => "Notification",
            Purpose::SubscriptionConfirmation => "SubscriptionConfirmation",
            Purpose::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        };
        let message = self.purpose == Purpose::Notification;
        let fields = [
            ("Message", Some(&*self.message)),
            ("MessageId", Some(&*self.message_id)),
            ("Subject", self.subject.as_deref().filter(|_| message)),
            ("SubscribeURL", self.subscribe_url.as_deref().filter(|_| !message)),
            ("Timestamp", Some(&*self.timestamp)),
            ("Token", self.token.as_deref().filter(|_| !message)),
            ("TopicArn", Some(&*self.topic_arn)),
            ("Type", Some(purpose)),
        ];
        let lines = fields.iter().filter_map(|(name, value)| Some(format!("{name}\n{}\n", (*value)?)));
        lines.collect()
    }
}

/// The parts of a certificate that verification needs: its key and its validity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The RSA public key.
    key: Vec<u8>,
    /// The start of the validity.
    begins: Timestamp,
    /// The end of the validity.
    ends: Timestamp,
}

impl Certificate {
    /// Reads the first certificate of a file. `None` if the file has no certificate with an RSA key.
    pub fn read(pem: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_pem(pem).ok()?;
        let certificate = certificate.tbs_certificate();
        let info = certificate.subject_public_key_info();
        if info.algorithm.oid.to_string() != RSA {
            return None;
        }
        let second = |time: x509_cert::time::Time| {
            Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok()
        };
        let validity = certificate.validity();
        Some(Self {
            key: info.subject_public_key.as_bytes()?.to_vec(),
            begins: second(validity.not_before)?,
            ends: second(validity.not_after)?,
        })
    }

    /// A short fingerprint of the key, for logs.
    pub fn name(&self) -> String {
        fingerprint(&self.key, 16)
    }
}

/// Verifies that SNS sent a delivery, with the certificate from [`Envelope::certificate_url`]. With a `topic`, the
/// message must also be from that topic.
///
/// # Errors
/// [`VerifyError`] if SNS did not send the delivery, or sent it too long ago.
pub fn verify<'a>(
    delivery: &Delivery<'a>,
    topic: Option<&str>,
    certificate: &Certificate,
) -> Result<Verified<'a>, VerifyError> {
    let envelope = Envelope::read(delivery.body).ok_or(VerifyError::Missing)?;
    if topic.is_some_and(|topic| topic != envelope.topic_arn) || envelope.certificate_url().is_none() {
        return Err(VerifyError::Wrong);
    }
    if delivery.now < certificate.begins || certificate.ends < delivery.now {
        return Err(VerifyError::Wrong);
    }
    let signature = BASE64.decode(&*envelope.signature).map_err(|_| VerifyError::Wrong)?;
    let text = envelope.signed_text();
    let verified = match &*envelope.signature_version {
        "1" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &certificate.key)
            .verify(text.as_bytes(), &signature),
        "2" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &certificate.key)
            .verify(text.as_bytes(), &signature),
        _ => return Err(VerifyError::Wrong),
    };
    verified.map_err(|_| VerifyError::Wrong)?;
    let sent: Timestamp = envelope.timestamp.parse().map_err(|_| VerifyError::Replayed)?;
    let age = delivery.now.duration_since(sent);
    if age > MAX_AGE || age < -MAX_AHEAD {
        return Err(VerifyError::Replayed);
    }
    Ok(Verified(*delivery))
}

#[cfg(test)]
mod tests;
