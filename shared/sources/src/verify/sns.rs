//! Notifications of AWS: an envelope that SNS signs with a key of its own, whose certificate stands at an address.
//!
//! Everything here is pure: the certificate is fetched elsewhere, from where [`Envelope::certificate_url`] says, and
//! handed in. A signature says that SNS sent it, for whichever topic of whichever customer: whose it is says the topic.

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

/// How long after it was sent a notification is taken: SNS tries for an hour at most.
const HOLDS: SignedDuration = SignedDuration::from_hours(1);

/// How far the clock of SNS may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// How a key for RSA is called, whichever hash it is used with.
const RSA: &str = "1.2.840.113549.1.1.1";

/// What an envelope is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Purpose {
    /// It holds a message.
    Notification,
    /// A subscription asks to be confirmed.
    SubscriptionConfirmation,
    /// A subscription has ended.
    UnsubscribeConfirmation,
}

/// What SNS puts round a message.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope<'a> {
    /// What it is for.
    #[serde(rename = "Type")]
    pub purpose: Purpose,
    /// The topic.
    #[serde(borrow)]
    pub topic_arn: Cow<'a, str>,
    /// The message, as text.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
    /// Which it is; the same each time that it is sent.
    #[serde(borrow, default)]
    message_id: Cow<'a, str>,
    /// What a person would read first, if there is anything.
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    /// When it was sent.
    #[serde(borrow, default)]
    timestamp: Cow<'a, str>,
    /// How it is signed.
    #[serde(borrow, default)]
    signature_version: Cow<'a, str>,
    /// The signature, in base64.
    #[serde(borrow, default)]
    signature: Cow<'a, str>,
    /// Where the certificate stands.
    #[serde(borrow, default, rename = "SigningCertURL", alias = "SigningCertUrl")]
    signing_cert_url: Cow<'a, str>,
    /// Where a subscription is confirmed.
    #[serde(borrow, default, rename = "SubscribeURL", alias = "SubscribeUrl")]
    subscribe_url: Option<Cow<'a, str>>,
    /// What confirms it.
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
}

impl<'a> Envelope<'a> {
    /// Reads an envelope; none if the body is something else.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)).ok()
    }

    /// Where its certificate stands; none if it names an address that is not its own region's SNS.
    pub fn certificate_url(&self) -> Option<&str> {
        let path = self.at_home(&self.signing_cert_url)?;
        let file = path.strip_prefix('/')?.strip_suffix(".pem")?;
        let plain = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (plain && !file.is_empty()).then_some(&self.signing_cert_url)
    }

    /// Where it is to be confirmed; none if it asks for nothing, or elsewhere than at its own region's SNS.
    pub fn confirmation_url(&self) -> Option<&str> {
        let url =
            self.subscribe_url.as_deref().filter(|_| self.purpose == Purpose::SubscriptionConfirmation)?;
        let query = self.at_home(url)?.strip_prefix("/?")?;
        query.split('&').any(|pair| pair == "Action=ConfirmSubscription").then_some(url)
    }

    /// The path and query of an address of SNS in the topic's own region.
    fn at_home<'u>(&self, url: &'u str) -> Option<&'u str> {
        let mut arn = self.topic_arn.split(':');
        let (scheme, partition, service, region) = (arn.next()?, arn.next()?, arn.next()?, arn.next()?);
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if scheme != "arn" || service != "sns" || region.len() < 3 || !plain(region) {
            return None;
        }
        let china = if partition == "aws-cn" { ".cn" } else { "" };
        let home = format!("https://sns.{region}.amazonaws.com{china}");
        // It is read by whoever asks there as well: what they would read otherwise is refused here.
        let uri: Uri = url.parse().ok()?;
        let path = url.strip_prefix(&home).filter(|path| path.starts_with('/'))?;
        (uri.path_and_query()?.as_str() == path).then_some(path)
    }

    /// What is signed: the fields that its purpose has, each with its name, in the order of their names.
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

/// What must be known of a certificate: its key, and when it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The key, as RSA has it.
    key: Vec<u8>,
    /// From when on.
    begins: Timestamp,
    /// Until when.
    ends: Timestamp,
}

impl Certificate {
    /// Reads the first certificate of a file; none if it is no certificate with a key for RSA.
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

    /// Which it is, for people.
    pub fn name(&self) -> String {
        fingerprint(&self.key, 16)
    }
}

/// Finds out whether SNS sent a delivery, for this topic alone if one is given, by the certificate that stands where
/// the envelope says.
///
/// # Errors
/// [`VerifyError`] if it did not, or too long ago.
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
    let holds = match &*envelope.signature_version {
        "1" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &certificate.key)
            .verify(text.as_bytes(), &signature),
        "2" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &certificate.key)
            .verify(text.as_bytes(), &signature),
        _ => return Err(VerifyError::Wrong),
    };
    holds.map_err(|_| VerifyError::Wrong)?;
    let sent: Timestamp = envelope.timestamp.parse().map_err(|_| VerifyError::Replayed)?;
    let age = delivery.now.duration_since(sent);
    if age > HOLDS || age < -AHEAD {
        return Err(VerifyError::Replayed);
    }
    Ok(Verified(*delivery))
}

#[cfg(test)]
mod tests;
