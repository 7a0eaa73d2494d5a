//! Configuration: one struct that is read once. All its faults are reported together.

use std::collections::BTreeMap;

use app::oidc::{Oidc, Settings};
use domain::message::Queue;
use egress::Reach;
use notify::SesSettings;
use secrecy::SecretString;

use crate::telemetry::Settings as Telemetry;

/// A row of the table of settings in the README.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The name of the environment variable.
    pub name: &'static str,
    /// What the setting is for.
    pub what: &'static str,
    /// What Firebell does if the setting is not set.
    pub default: &'static str,
}

/// Names the DynamoDB table.
pub const TABLE: &str = "FIREBELL_TABLE";
/// Sets the base URL of links.
pub const PUBLIC_URL: &str = "FIREBELL_PUBLIC_URL";
/// Sets the installation key.
pub const KEY: &str = "FIREBELL_KEY";
/// Sets the mail server.
pub const SMTP_URL: &str = "FIREBELL_SMTP_URL";
/// Sets the sender of outgoing email.
pub const MAIL_FROM: &str = "FIREBELL_MAIL_FROM";
/// Sets the domain of the email addresses of alert sources.
pub const MAIL_DOMAIN: &str = "FIREBELL_MAIL_DOMAIN";
/// Names the bucket of received email.
pub const MAIL_BUCKET: &str = "FIREBELL_MAIL_BUCKET";
/// Selects SES for outgoing email.
pub const MAIL_VIA: &str = "FIREBELL_MAIL_VIA";
/// Permits webhooks to this machine.
pub const WEBHOOK_LOOPBACK: &str = "FIREBELL_WEBHOOK_LOOPBACK";
/// Sets the email address of the owner.
pub const OWNER_EMAIL: &str = "FIREBELL_OWNER_EMAIL";
/// Sets the first API key of the organisation.
pub const API_KEY: &str = "FIREBELL_API_KEY";
/// Sets the secret that verifies requests from Slack.
pub const SLACK_SIGNING_SECRET: &str = "FIREBELL_SLACK_SIGNING_SECRET";
/// Sets the client ID of the Slack app.
pub const SLACK_CLIENT_ID: &str = "FIREBELL_SLACK_CLIENT_ID";
/// Sets the client secret of the Slack app.
pub const SLACK_CLIENT_SECRET: &str = "FIREBELL_SLACK_CLIENT_SECRET";
/// Sets the base URL of Slack's API.
pub const SLACK_API_URL: &str = "FIREBELL_SLACK_API_URL";
/// Sets the issuer of the OpenID Connect provider for sign-in.
pub const OIDC_ISSUER: &str = "FIREBELL_OIDC_ISSUER";
/// Sets the client ID at the OpenID Connect provider.
pub const OIDC_CLIENT_ID: &str = "FIREBELL_OIDC_CLIENT_ID";
/// Sets the client secret at the OpenID Connect provider.
pub const OIDC_CLIENT_SECRET: &str = "FIREBELL_OIDC_CLIENT_SECRET";
/// Sets the endpoint to which traces are exported.
pub const OTLP_ENDPOINT: &str = "FIREBELL_OTLP_ENDPOINT";
/// Sets additional headers of OTLP requests.
pub const OTLP_HEADERS: &str = "FIREBELL_OTLP_HEADERS";
/// Sets the Sentry project to which errors are reported.
pub const SENTRY_DSN: &str = "FIREBELL_SENTRY_DSN";
/// Sets the log level.
pub const LOG: &str = "FIREBELL_LOG";
/// Sets the log format.
pub const LOG_FORMAT: &str = "FIREBELL_LOG_FORMAT";
/// The prefix of the settings that hold the URLs of queues.
pub const QUEUE_PREFIX: &str = "FIREBELL_QUEUE_";

/// Every setting, in the order of the table in the README.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: PUBLIC_URL,
        what: "base URL of links in notifications, and of webhook addresses; set it if people reach Firebell by another name",
        default: "`http://` and the address of `--listen`",
    },
    Setting {
        name: SMTP_URL,
        what: "mail server for outgoing email: `smtp://user:password@host:port` or `smtps://…`",
        default: "with `cargo local`, emails are written to `DIR/mail`; on AWS, no email is sent",
    },
    Setting { name: MAIL_FROM, what: "sender of outgoing email", default: "Firebell <firebell@localhost>" },
    Setting {
        name: MAIL_VIA,
        what: "`ses` sends email with Amazon SES in the region `AWS_REGION`, if no mail server is set",
        default: "`smtp`",
    },
    Setting {
        name: MAIL_DOMAIN,
        what: "domain of the email addresses of alert sources",
        default: "`localhost` with `cargo local`; on AWS, no email is received",
    },
    Setting {
        name: MAIL_BUCKET,
        what: "S3 bucket in which SES stores received email (set by the template)",
        default: "`DIR/mail-in` with `cargo local`",
    },
    Setting {
        name: WEBHOOK_LOOPBACK,
        what: "`allow` permits webhook notifications to this machine, also without TLS",
        default: "webhooks go to public addresses only, with `https`",
    },
    Setting {
        name: OWNER_EMAIL,
        what: "email address of the owner; used once, when the organisation is created",
        default: "owner@localhost",
    },
    Setting {
        name: API_KEY,
        what: "the first API key; used once, when the organisation is created",
        default: "a random key; `cargo local` stores it in `DIR/api-key`",
    },
    Setting {
        name: SLACK_SIGNING_SECRET,
        what: "signing secret of the Slack app; it verifies requests from Slack",
        default: "not set: Slack is not connected",
    },
    Setting {
        name: SLACK_CLIENT_ID,
        what: "client ID of the Slack app; needed to connect a workspace at `/slack/install`",
        default: "not set",
    },
    Setting { name: SLACK_CLIENT_SECRET, what: "client secret of the Slack app", default: "not set" },
    Setting { name: SLACK_API_URL, what: "base URL of Slack's API", default: slack::API_URL },
    Setting {
        name: OIDC_ISSUER,
        what: "issuer of the OpenID Connect provider for sign-in; its redirect URL is `/sign-in/oidc/callback`",
        default: "not set: people sign in with an emailed link",
    },
    Setting {
        name: OIDC_CLIENT_ID,
        what: "client ID of this installation at the OpenID Connect provider",
        default: "not set",
    },
    Setting {
        name: OIDC_CLIENT_SECRET,
        what: "client secret of this installation at the OpenID Connect provider",
        default: "not set",
    },
    Setting {
        name: OTLP_ENDPOINT,
        what: "endpoint for traces (OTLP over HTTP, JSON), without `/v1/traces`",
        default: "not set: no traces are exported",
    },
    Setting {
        name: OTLP_HEADERS,
        what: "headers of OTLP requests: `name=value,name=value`",
        default: "not set",
    },
    Setting {
        name: SENTRY_DSN,
        what: "DSN of the Sentry project to which errors are reported",
        default: "not set: no errors are reported",
    },
    Setting { name: LOG, what: "log level, also by target: `info,store=debug`", default: "info" },
    Setting {
        name: LOG_FORMAT,
        what: "log format: `json` or `text`",
        default: "`text` with `cargo local`, `json` on AWS",
    },
    Setting {
        name: KEY,
        what: "installation key; it encrypts stored secrets and signs links",
        default: "a random key; `cargo local` stores it in `DIR/key`",
    },
    Setting {
        name: "AWS_ENDPOINT_URL",
        what: "endpoint for DynamoDB, SQS, SES and S3, for example a proxy",
        default: "AWS; with `cargo local`, the embedded database and queues",
    },
    Setting { name: TABLE, what: "name of the DynamoDB table (set by the template)", default: "firebell" },
    Setting {
        name: "FIREBELL_QUEUE_<NAME>",
        what: "URL of an SQS queue (set by the template)",
        default: "the embedded queue",
    },
];

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Text for people.
    Text,
}

/// The configuration of a process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name of the DynamoDB table.
    pub table: String,
    /// The URLs of the queues that the function sends to.
    pub queues: BTreeMap<Queue, String>,
    /// The base URL of links.
    pub public_url: Option<String>,
    /// The installation key.
    pub key: Option<SecretString>,
    /// The URL of the mail server.
    pub smtp_url: Option<SecretString>,
    /// The sender of outgoing email.
    pub mail_from: String,
    /// The settings of SES, if email is sent with it.
    pub ses: Option<SesSettings>,
    /// The domain of the email addresses of alert sources.
    pub mail_domain: Option<String>,
    /// The bucket of received email.
    pub mail_bucket: Option<Bucket>,
    /// Which network addresses webhooks may reach.
    pub reach: Reach,
    /// The email address of the owner.
    pub owner_email: String,
    /// The first API key of the organisation.
    pub api_key: Option<SecretString>,
    /// The signing secret that verifies requests from Slack.
    pub slack_signing_secret: Option<SecretString>,
    /// The client ID and client secret of the Slack app.
    pub slack_client: Option<(String, SecretString)>,
    /// The base URL of Slack's API, if it is not the public one.
    pub slack_api_url: Option<String>,
    /// The OpenID Connect provider for sign-in.
    pub oidc: Option<Settings>,
    /// Where traces and errors are sent.
    pub telemetry: Telemetry,
    /// The log level.
    pub log: String,
    /// The log format, if it is set.
    pub log_format: Option<LogFormat>,
    /// The endpoint of DynamoDB, if it is not the AWS one.
    pub dynamodb: Option<String>,
    /// The endpoint of SQS, if it is not the AWS one.
    pub sqs: Option<String>,
}

/// All faults of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is invalid:\n{}", .0.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Whether DynamoDB or SQS has an endpoint of its own. If not, `cargo local` uses no network for them.
    pub fn is_aws_elsewhere(&self) -> bool {
        self.dynamodb.is_some() || self.sqs.is_some()
    }

    /// Reads the configuration from the environment variables of the process.
    ///
    /// # Errors
    /// [`ConfigError`] with all faults.
    pub fn from_environment() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the configuration from a function that returns the value of a setting.
    ///
    /// # Errors
    /// [`ConfigError`] with all faults.
    pub fn read(setting: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| setting(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
        let mut faults = Vec::new();
        let mut queues = BTreeMap::new();
        for &queue in Queue::ALL {
            let name = queue_setting(queue);
            if let Some(url) = get(&name) {
                check_url(&mut faults, &name, &url, &["http", "https"]);
                queues.insert(queue, url);
            }
        }
        let public_url = get(PUBLIC_URL).map(|url| url.trim_end_matches('/').to_owned());
        if let Some(url) = &public_url {
            check_url(&mut faults, PUBLIC_URL, url, &["http", "https"]);
        }
        let smtp_url = get(SMTP_URL);
        if let Some(url) = &smtp_url {
            check_url(&mut faults, SMTP_URL, url, &["smtp", "smtps"]);
        }
        let mail_from = get(MAIL_FROM).unwrap_or_else(|| "Firebell <firebell@localhost>".to_owned());
        if !mail_from.contains('@') {
            faults.push(format!("{MAIL_FROM} `{mail_from}` is not a valid email address: it has no `@`"));
        }
        let owner_email = get(OWNER_EMAIL).unwrap_or_else(|| "owner@localhost".to_owned());
        if !owner_email.contains('@') {
            faults.push(format!("{OWNER_EMAIL} `{owner_email}` is not a valid email address: it has no `@`"));
        }
        let (key, api_key) = (get(KEY), get(API_KEY));
        for (name, value) in [(KEY, &key), (API_KEY, &api_key)] {
            if value.as_ref().is_some_and(|value| value.len() < 32) {
                faults.push(format!("{name} is too short: it needs at least 32 characters"));
            }
        }
        let slack_client = match (get(SLACK_CLIENT_ID), get(SLACK_CLIENT_SECRET)) {
            (Some(id), Some(secret)) => Some((id, SecretString::from(secret))),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                faults.push(format!("set both {SLACK_CLIENT_ID} and {SLACK_CLIENT_SECRET}, or neither"));
                None
            }
        };
        let slack_api_url = get(SLACK_API_URL);
        if slack_api_url.as_ref().is_some_and(|url| !egress::is_encrypted_or_local(url)) {
            faults.push(format!(
                "{SLACK_API_URL} must begin with `https://`; `http://` is allowed for this machine only"
            ));
        }
        let oidc = oidc(&mut faults, [get(OIDC_ISSUER), get(OIDC_CLIENT_ID), get(OIDC_CLIENT_SECRET)]);
        let telemetry = Telemetry::read(&get, &mut faults);
        let ses = match get(MAIL_VIA).as_deref() {
            Some("ses") => ses(&get, &mut faults),
            Some("smtp") | None => None,
            Some(other) => {
                faults.push(format!("{MAIL_VIA} is `{other}`: use `ses` or `smtp`"));
                None
            }
        };
        let mail_domain = get(MAIL_DOMAIN).map(|domain| domain.to_lowercase());
        if mail_domain.as_ref().is_some_and(|domain| domain.contains(|c: char| c == '@' || c.is_whitespace()))
        {
            faults.push(format!(
                "{MAIL_DOMAIN} is not a domain: use a name without `@`, such as alerts.example.com"
            ));
        }
        let mail_bucket = get(MAIL_BUCKET).and_then(|name| bucket(&get, &mut faults, name));
        let reach = match get(WEBHOOK_LOOPBACK).as_deref() {
            None => Reach::Public,
            Some("allow") => Reach::AndLoopback,
            Some(other) => {
                faults.push(format!("{WEBHOOK_LOOPBACK} is `{other}`: use `allow`, or do not set it"));
                Reach::Public
            }
        };
        let log_format = match get(LOG_FORMAT).as_deref() {
            None => None,
            Some("json") => Some(LogFormat::Json),
            Some("text") => Some(LogFormat::Text),
            Some(other) => {
                faults.push(format!("{LOG_FORMAT} is `{other}`: use `json` or `text`"));
                None
            }
        };
        if !faults.is_empty() {
            return Err(ConfigError(faults));
        }
        Ok(Self {
            table: get(TABLE).unwrap_or_else(|| "firebell".to_owned()),
            queues,
            public_url,
            key: key.map(SecretString::from),
            smtp_url: smtp_url.map(SecretString::from),
            mail_from,
            ses,
            mail_domain,
            mail_bucket,
            reach,
            owner_email,
            api_key: api_key.map(SecretString::from),
            slack_signing_secret: get(SLACK_SIGNING_SECRET).map(SecretString::from),
            slack_client,
            slack_api_url,
            oidc,
            telemetry,
            log: get(LOG).unwrap_or_else(|| "info".to_owned()),
            log_format,
            dynamodb: get("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| get("AWS_ENDPOINT_URL")),
            sqs: get("AWS_ENDPOINT_URL_SQS").or_else(|| get("AWS_ENDPOINT_URL")),
        })
    }
}

/// Reads the OpenID Connect provider: its three settings are set together, or none of them.
fn oidc(faults: &mut Vec<String>, settings: [Option<String>; 3]) -> Option<Settings> {
    match settings {
        [None, None, None] => None,
        [Some(issuer), Some(client_id), Some(client_secret)] => {
            if !Oidc::is_safe(&issuer) {
                faults.push(format!(
                    "{OIDC_ISSUER} must begin with `https://`; `http://` is allowed for this machine only"
                ));
            }
            Some(Settings { issuer, client_id, client_secret: client_secret.into() })
        }
        _ => {
            faults.push(format!(
                "set {OIDC_ISSUER}, {OIDC_CLIENT_ID} and {OIDC_CLIENT_SECRET} together, or none of them"
            ));
            None
        }
    }
}

/// The name of the setting that holds the URL of a queue.
pub fn queue_setting(queue: Queue) -> String {
    format!("{QUEUE_PREFIX}{}", queue.name().to_uppercase().replace('-', "_"))
}

/// Reads the settings of SES from the variables that Lambda sets: region and credentials.
fn ses(get: &impl Fn(&str) -> Option<String>, faults: &mut Vec<String>) -> Option<SesSettings> {
    let credentials = credentials(get, faults, &format!("{MAIL_VIA} is `ses`"))?;
    Some(SesSettings {
        region: credentials.region,
        endpoint: get("AWS_ENDPOINT_URL_SESV2").or_else(|| get("AWS_ENDPOINT_URL")),
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        session_token: credentials.session_token,
    })
}

/// A bucket and the credentials to read it.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// The name of the bucket.
    pub name: String,
    /// The endpoint of S3, if it is not the AWS one.
    pub endpoint: Option<String>,
    /// The credentials.
    pub credentials: Credentials,
}

/// AWS credentials and region, from the environment of a function.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The region.
    pub region: String,
    /// The ID of the access key.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretString,
    /// The session token, for temporary credentials.
    pub session_token: Option<SecretString>,
}

fn bucket(get: &impl Fn(&str) -> Option<String>, faults: &mut Vec<String>, name: String) -> Option<Bucket> {
    let credentials = credentials(get, faults, &format!("{MAIL_BUCKET} is set"))?;
    let endpoint = get("AWS_ENDPOINT_URL_S3").or_else(|| get("AWS_ENDPOINT_URL"));
    Some(Bucket { name, endpoint, credentials })
}

/// Reads the AWS credentials. `why` names the setting that needs them.
fn credentials(
    get: &impl Fn(&str) -> Option<String>,
    faults: &mut Vec<String>,
    why: &str,
) -> Option<Credentials> {
    let mut needed = |name: &str| {
        let value = get(name);
        if value.is_none() {
            faults.push(format!("{why}: set {name} too"));
        }
        value
    };
    let region = needed("AWS_REGION");
    let access_key_id = needed("AWS_ACCESS_KEY_ID");
    let secret_access_key = needed("AWS_SECRET_ACCESS_KEY");
    Some(Credentials {
        region: region?,
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?.into(),
        session_token: get("AWS_SESSION_TOKEN").map(SecretString::from),
    })
}

/// Adds a fault if a URL has the wrong scheme. The fault does not show the value, which may hold a password.
pub(crate) fn check_url(faults: &mut Vec<String>, name: &str, url: &str, schemes: &[&str]) {
    let known = schemes.iter().any(|scheme| {
        url.strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"))
            .is_some_and(|rest| !rest.is_empty())
    });
    if !known {
        let schemes: Vec<String> = schemes.iter().map(|scheme| format!("`{scheme}://`")).collect();
        faults.push(format!("{name} must begin with {}", schemes.join(" or ")));
    }
}

/// The variables of the environment that look like settings but are not. A misspelt name would have no effect.
pub fn unknown_settings() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with("FIREBELL_") && !is_setting(name)).collect()
}

/// Whether a variable is a setting.
fn is_setting(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name)
        || Queue::ALL.iter().any(|&queue| queue_setting(queue) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_known_by_name() {
        for name in [SMTP_URL, TABLE, "FIREBELL_QUEUE_ALERT_HANDLE"] {
            assert!(is_setting(name), "{name}");
        }
        assert!(!is_setting("FIREBELL_SMPT_URL"));
    }

    #[test]
    fn all_faults_are_reported_together() {
        let faults = Config::read(|name| match name {
            PUBLIC_URL => Some("firebell.example.com".to_owned()),
            SMTP_URL => Some("http://mail".to_owned()),
            MAIL_FROM => Some("nobody".to_owned()),
            LOG_FORMAT => Some("xml".to_owned()),
            WEBHOOK_LOOPBACK => Some("perhaps".to_owned()),
            MAIL_VIA => Some("pigeon".to_owned()),
            KEY | API_KEY => Some("short".to_owned()),
            SLACK_CLIENT_ID => Some("1.2".to_owned()),
            SLACK_API_URL => Some("http://slack.example.com".to_owned()),
            OIDC_ISSUER => Some("https://login.example.com".to_owned()),
            OTLP_ENDPOINT => Some("collector:4318".to_owned()),
            OTLP_HEADERS => Some("no header".to_owned()),
            SENTRY_DSN => Some("https://sentry.example.com/1".to_owned()),
            _ => None,
        })
        .unwrap_err();

        assert_eq!(faults.0.len(), 14, "{faults}");
        assert!(!faults.to_string().contains("http://mail"), "a value that may hold a password was shown");
    }

    #[test]
    fn provider_needs_all_its_settings_and_https() {
        let faults = |issuer: &str, secret: Option<&str>| {
            let read = Config::read(|name| match name {
                OIDC_ISSUER => Some(issuer.to_owned()),
                OIDC_CLIENT_ID => Some("firebell".to_owned()),
                OIDC_CLIENT_SECRET => secret.map(str::to_owned),
                _ => None,
            });
            read.map_or_else(|faults| faults.0.len(), |config| usize::from(config.oidc.is_none()))
        };

        assert_eq!(faults("https://idp.example.com", Some("x")), 0);
        assert_eq!(faults("http://127.0.0.1:8000", Some("x")), 0);
        assert_eq!(faults("http://idp.example.com", Some("x")), 1);
        assert_eq!(faults("https://idp.example.com", None), 1);
    }

    #[test]
    fn email_with_ses_needs_the_credentials_that_lambda_sets() {
        let lacking = Config::read(|name| (name == MAIL_VIA).then(|| "ses".to_owned())).unwrap_err();
        let whole = Config::read(|name| match name {
            MAIL_VIA => Some("ses".to_owned()),
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN" => Some("x".to_owned()),
            _ => None,
        })
        .unwrap();

        assert_eq!(lacking.0.len(), 3, "{lacking}");
        let ses = whole.ses.unwrap();
        assert!(ses.region == "eu-west-1" && ses.endpoint.is_none() && ses.session_token.is_some());
    }

    #[test]
    fn configuration_without_any_setting_is_valid() {
        let config = Config::read(|_| None).unwrap();

        assert_eq!(config.table, "firebell");
        assert!(config.queues.is_empty() && config.smtp_url.is_none());
    }

    #[test]
    fn endpoint_of_a_service_wins_over_the_endpoint_of_all() {
        let config = Config::read(|name| match name {
            "AWS_ENDPOINT_URL" => Some("http://all".to_owned()),
            "AWS_ENDPOINT_URL_SQS" => Some("http://queues".to_owned()),
            _ => None,
        })
        .unwrap();

        assert_eq!(
            (config.dynamodb.as_deref(), config.sqs.as_deref()),
            (Some("http://all"), Some("http://queues"))
        );
        assert!(config.is_aws_elsewhere() && !Config::read(|_| None).unwrap().is_aws_elsewhere());
    }

    #[test]
    fn queues_are_named_after_their_function() {
        assert_eq!(queue_setting(Queue::AlertHandle), "FIREBELL_QUEUE_ALERT_HANDLE");
    }
}
