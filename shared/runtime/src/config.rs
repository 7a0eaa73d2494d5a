//! Configuration: one struct, read once, every fault of it reported at once.

use std::collections::BTreeMap;

use app::oidc::{Oidc, Settings};
use domain::message::Queue;
use egress::Reach;
use notify::SesSettings;
use secrecy::SecretString;

use crate::telemetry::Settings as Telemetry;

/// One row of the table of settings: what the README shows.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// What it is for.
    pub what: &'static str,
    /// What counts if it is not set.
    pub default: &'static str,
}

/// The name of the table.
pub const TABLE: &str = "FIREBELL_TABLE";
/// What links begin with.
pub const PUBLIC_URL: &str = "FIREBELL_PUBLIC_URL";
/// The installation's key.
pub const KEY: &str = "FIREBELL_KEY";
/// Where mail is handed over.
pub const SMTP_URL: &str = "FIREBELL_SMTP_URL";
/// Who mail is from.
pub const MAIL_FROM: &str = "FIREBELL_MAIL_FROM";
/// What stands behind the `@` of alert sources that take mail.
pub const MAIL_DOMAIN: &str = "FIREBELL_MAIL_DOMAIN";
/// Where mail that comes in lies.
pub const MAIL_BUCKET: &str = "FIREBELL_MAIL_BUCKET";
/// How mail leaves where no mail server is given.
pub const MAIL_VIA: &str = "FIREBELL_MAIL_VIA";
/// Whether webhooks may go to this machine itself.
pub const WEBHOOK_LOOPBACK: &str = "FIREBELL_WEBHOOK_LOOPBACK";
/// The owner's address.
pub const OWNER_EMAIL: &str = "FIREBELL_OWNER_EMAIL";
/// The organisation's first API key.
pub const API_KEY: &str = "FIREBELL_API_KEY";
/// By which requests of Slack's are known.
pub const SLACK_SIGNING_SECRET: &str = "FIREBELL_SLACK_SIGNING_SECRET";
/// The Slack app's id.
pub const SLACK_CLIENT_ID: &str = "FIREBELL_SLACK_CLIENT_ID";
/// The Slack app's secret.
pub const SLACK_CLIENT_SECRET: &str = "FIREBELL_SLACK_CLIENT_SECRET";
/// Where Slack's API is.
pub const SLACK_API_URL: &str = "FIREBELL_SLACK_API_URL";
/// The provider of OpenID Connect that people may sign in with.
pub const OIDC_ISSUER: &str = "FIREBELL_OIDC_ISSUER";
/// Who the installation is there.
pub const OIDC_CLIENT_ID: &str = "FIREBELL_OIDC_CLIENT_ID";
/// How it shows that.
pub const OIDC_CLIENT_SECRET: &str = "FIREBELL_OIDC_CLIENT_SECRET";
/// Where spans are sent.
pub const OTLP_ENDPOINT: &str = "FIREBELL_OTLP_ENDPOINT";
/// What is said beside them.
pub const OTLP_HEADERS: &str = "FIREBELL_OTLP_HEADERS";
/// Where errors are reported.
pub const SENTRY_DSN: &str = "FIREBELL_SENTRY_DSN";
/// What is logged.
pub const LOG: &str = "FIREBELL_LOG";
/// How it is logged.
pub const LOG_FORMAT: &str = "FIREBELL_LOG_FORMAT";
/// What a queue's address is called, before the queue's name.
pub const QUEUE_PREFIX: &str = "FIREBELL_QUEUE_";

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting { name: PUBLIC_URL, what: "what links in pages begin with", default: "the address listened on" },
    Setting {
        name: SMTP_URL,
        what: "where mail is handed over: `smtp://user:password@host:port` or `smtps://…`",
        default: "mail is written to `DIR/mail` on one machine",
    },
    Setting { name: MAIL_FROM, what: "who mail is from", default: "Firebell <firebell@localhost>" },
    Setting {
        name: MAIL_VIA,
        what: "how mail leaves where no mail server is given: `ses` is Amazon's SES, in the region of `AWS_REGION`",
        default: "it does not",
    },
    Setting {
        name: MAIL_DOMAIN,
        what: "what stands behind the `@` in the address of an alert source that takes mail",
        default: "`localhost` on one machine; on AWS no mail is taken",
    },
    Setting {
        name: MAIL_BUCKET,
        what: "where SES puts mail that comes in (set by the template)",
        default: "`DIR/mail-in` on one machine",
    },
    Setting {
        name: WEBHOOK_LOOPBACK,
        what: "`allow` lets webhooks go to this machine itself, unencrypted too",
        default: "they go to public addresses alone, by `https`",
    },
    Setting {
        name: OWNER_EMAIL,
        what: "the owner's address, when the organisation is created",
        default: "owner@localhost",
    },
    Setting {
        name: API_KEY,
        what: "the first API key, when the organisation is created",
        default: "one is made, and kept in `DIR/api-key` on one machine",
    },
    Setting {
        name: SLACK_SIGNING_SECRET,
        what: "the signing secret of the Slack app, by which Slack's requests are known",
        default: "none: Slack is not connected",
    },
    Setting {
        name: SLACK_CLIENT_ID,
        what: "the client id of the Slack app, by which a workspace is connected at `/slack/install`",
        default: "none",
    },
    Setting { name: SLACK_CLIENT_SECRET, what: "the client secret of the Slack app", default: "none" },
    Setting { name: SLACK_API_URL, what: "where Slack's API is", default: slack::API_URL },
    Setting {
        name: OIDC_ISSUER,
        what: "the provider of OpenID Connect that people may sign in with; it sends them back to `/sign-in/oidc/callback`",
        default: "people sign in by a link alone",
    },
    Setting { name: OIDC_CLIENT_ID, what: "who the installation is there", default: "" },
    Setting { name: OIDC_CLIENT_SECRET, what: "the secret that shows that", default: "" },
    Setting {
        name: OTLP_ENDPOINT,
        what: "where spans are sent as OTLP over HTTP, in JSON: the address before `/v1/traces`",
        default: "nowhere",
    },
    Setting {
        name: OTLP_HEADERS,
        what: "headers that go with them: `name=value,name=value`",
        default: "none",
    },
    Setting {
        name: SENTRY_DSN,
        what: "where errors are reported: the DSN of a Sentry project",
        default: "nowhere",
    },
    Setting { name: LOG, what: "what is logged: levels by target, as `info,store=debug`", default: "info" },
    Setting { name: LOG_FORMAT, what: "`json` or `text`", default: "json on AWS, text on one machine" },
    Setting {
        name: KEY,
        what: "the installation's key: seals secrets and signs links",
        default: "`DIR/key` on one machine",
    },
    Setting {
        name: "AWS_ENDPOINT_URL",
        what: "where the database and the queues are asked, so that a proxy can stand between",
        default: "AWS; on one machine, inside the process",
    },
    Setting { name: TABLE, what: "the table (set by the template)", default: "firebell" },
    Setting {
        name: "FIREBELL_QUEUE_<NAME>",
        what: "the address of a queue (set by the template)",
        default: "the queue inside the process",
    },
];

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The configuration of a process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The table.
    pub table: String,
    /// The queues' addresses; only those that the function sends to.
    pub queues: BTreeMap<Queue, String>,
    /// What links begin with.
    pub public_url: Option<String>,
    /// The installation's key.
    pub key: Option<SecretString>,
    /// Where mail is handed over.
    pub smtp_url: Option<SecretString>,
    /// Who mail is from.
    pub mail_from: String,
    /// SES, if mail leaves by it.
    pub ses: Option<SesSettings>,
    /// What stands behind the `@` of alert sources that take mail.
    pub mail_domain: Option<String>,
    /// Where mail that comes in lies.
    pub mail_bucket: Option<Bucket>,
    /// How far requests to addresses that people give may go.
    pub reach: Reach,
    /// The owner's address.
    pub owner_email: String,
    /// The organisation's first API key.
    pub api_key: Option<SecretString>,
    /// By which requests of Slack's are known.
    pub slack_signing_secret: Option<SecretString>,
    /// The Slack app's id and secret.
    pub slack_client: Option<(String, SecretString)>,
    /// Where Slack's API is, if not where it always is.
    pub slack_api_url: Option<String>,
    /// The provider that people may sign in with.
    pub oidc: Option<Settings>,
    /// Where spans and errors are sent.
    pub telemetry: Telemetry,
    /// What is logged.
    pub log: String,
    /// How, if it was said.
    pub log_format: Option<LogFormat>,
    /// Where DynamoDB is, if not where it always is.
    pub dynamodb: Option<String>,
    /// Where SQS is, if not where it always is.
    pub sqs: Option<String>,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is wrong:\n{}", .0.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Whether AWS is somewhere else: on one machine, whether the clients speak to the network at all.
    pub fn is_aws_elsewhere(&self) -> bool {
        self.dynamodb.is_some() || self.sqs.is_some()
    }

    /// Reads the environment of the process.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault.
    pub fn from_environment() -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads settings from wherever they are.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault.
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
            faults.push(format!("{MAIL_FROM} `{mail_from}` is no mail address: it has no `@`"));
        }
        let owner_email = get(OWNER_EMAIL).unwrap_or_else(|| "owner@localhost".to_owned());
        if !owner_email.contains('@') {
            faults.push(format!("{OWNER_EMAIL} `{owner_email}` is no mail address: it has no `@`"));
        }
        let (key, api_key) = (get(KEY), get(API_KEY));
        for (name, value) in [(KEY, &key), (API_KEY, &api_key)] {
            if value.as_ref().is_some_and(|value| value.len() < 32) {
                faults.push(format!("{name} is too short: it needs 32 characters or more"));
            }
        }
        let slack_client = match (get(SLACK_CLIENT_ID), get(SLACK_CLIENT_SECRET)) {
            (Some(id), Some(secret)) => Some((id, SecretString::from(secret))),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                faults.push(format!("{SLACK_CLIENT_ID} and {SLACK_CLIENT_SECRET} are set together"));
                None
            }
        };
        let slack_api_url = get(SLACK_API_URL);
        if slack_api_url.as_ref().is_some_and(|url| slack::check_url(url).is_err()) {
            faults.push(format!("{SLACK_API_URL} is neither https:// nor http:// on this machine"));
        }
        let oidc = oidc(&mut faults, [get(OIDC_ISSUER), get(OIDC_CLIENT_ID), get(OIDC_CLIENT_SECRET)]);
        let telemetry = Telemetry::read(&get, &mut faults);
        let ses = match get(MAIL_VIA).as_deref() {
            Some("ses") => ses(&get, &mut faults),
            Some("smtp") | None => None,
            Some(other) => {
                faults.push(format!("{MAIL_VIA} is `{other}`: it is `ses` or `smtp`"));
                None
            }
        };
        let mail_domain = get(MAIL_DOMAIN).map(|domain| domain.to_lowercase());
        if mail_domain.as_ref().is_some_and(|domain| domain.contains(|c: char| c == '@' || c.is_whitespace()))
        {
            faults.push(format!(
                "{MAIL_DOMAIN} is no domain: it is what stands behind the `@`, as alerts.example.com"
            ));
        }
        let mail_bucket = get(MAIL_BUCKET).and_then(|name| bucket(&get, &mut faults, name));
        let reach = match get(WEBHOOK_LOOPBACK).as_deref() {
            None => Reach::Public,
            Some("allow") => Reach::AndLoopback,
            Some(other) => {
                faults.push(format!("{WEBHOOK_LOOPBACK} is `{other}`: it is `allow`, or not set"));
                Reach::Public
            }
        };
        let log_format = match get(LOG_FORMAT).as_deref() {
            None => None,
            Some("json") => Some(LogFormat::Json),
            Some("text") => Some(LogFormat::Text),
            Some(other) => {
                faults.push(format!("{LOG_FORMAT} is `{other}`: it is `json` or `text`"));
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

/// The provider, if all of it is said or nothing.
fn oidc(faults: &mut Vec<String>, said: [Option<String>; 3]) -> Option<Settings> {
    match said {
        [None, None, None] => None,
        [Some(issuer), Some(client_id), Some(client_secret)] => {
            if !Oidc::is_safe(&issuer) {
                faults.push(format!("{OIDC_ISSUER} must begin with `https://`, but for this machine itself"));
            }
            Some(Settings { issuer, client_id, client_secret: client_secret.into() })
        }
        _ => {
            faults.push(format!("{OIDC_ISSUER}, {OIDC_CLIENT_ID} and {OIDC_CLIENT_SECRET} go together"));
            None
        }
    }
}

/// The setting of a queue's address.
pub fn queue_setting(queue: Queue) -> String {
    format!("{QUEUE_PREFIX}{}", queue.name().to_uppercase().replace('-', "_"))
}

/// SES as the environment of a function names it: region and credentials are where Lambda puts them.
fn ses(get: &impl Fn(&str) -> Option<String>, faults: &mut Vec<String>) -> Option<SesSettings> {
    let who = who(get, faults, &format!("{MAIL_VIA} is `ses`"))?;
    Some(SesSettings {
        region: who.region,
        endpoint: get("AWS_ENDPOINT_URL_SESV2").or_else(|| get("AWS_ENDPOINT_URL")),
        access_key_id: who.access_key_id,
        secret_access_key: who.secret_access_key,
        session_token: who.session_token,
    })
}

/// A bucket, and who asks for what lies in it.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Where S3 is, if not where it always is.
    pub endpoint: Option<String>,
    /// Who asks.
    pub who: Who,
}

/// Who asks AWS, as the environment of a function names it.
#[derive(Debug, Clone)]
pub struct Who {
    /// The region.
    pub region: String,
    /// The id of the access key.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: SecretString,
    /// The session that they belong to.
    pub session_token: Option<SecretString>,
}

fn bucket(get: &impl Fn(&str) -> Option<String>, faults: &mut Vec<String>, name: String) -> Option<Bucket> {
    let who = who(get, faults, &format!("{MAIL_BUCKET} is set"))?;
    let endpoint = get("AWS_ENDPOINT_URL_S3").or_else(|| get("AWS_ENDPOINT_URL"));
    Some(Bucket { name, endpoint, who })
}

/// Who asks AWS; `why` says what needs that.
fn who(get: &impl Fn(&str) -> Option<String>, faults: &mut Vec<String>, why: &str) -> Option<Who> {
    let mut needed = |name: &str| {
        let value = get(name);
        if value.is_none() {
            faults.push(format!("{why}, which needs {name}"));
        }
        value
    };
    let region = needed("AWS_REGION");
    let access_key_id = needed("AWS_ACCESS_KEY_ID");
    let secret_access_key = needed("AWS_SECRET_ACCESS_KEY");
    Some(Who {
        region: region?,
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?.into(),
        session_token: get("AWS_SESSION_TOKEN").map(SecretString::from),
    })
}

/// Notes an address that cannot be one. The value is not shown: it may hold a password.
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

/// The variables of the environment that look like settings and are none: a misspelt name has no effect.
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
    fn every_fault_is_reported_at_once() {
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
    fn provider_is_said_whole_and_asked_encrypted() {
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
    fn mail_by_ses_needs_what_lambda_puts_into_the_environment() {
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
    fn nothing_set_is_a_configuration() {
        let config = Config::read(|_| None).unwrap();

        assert_eq!(config.table, "firebell");
        assert!(config.queues.is_empty() && config.smtp_url.is_none());
    }

    #[test]
    fn a_service_is_where_its_own_address_says_or_else_where_all_are() {
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
