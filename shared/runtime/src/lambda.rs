//! Runs one function on Lambda.

use std::sync::Arc;

use app::seal::Seal;
use app::{Clock, Context, Random};
use domain::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use mail::Mailbox;
use notify::Channel;
use secrecy::SecretString;

use crate::config::LogFormat;
use crate::context::Ports;
use crate::function::Function;
use crate::telemetry::{self, Emf, Exporter, start_logging};
use crate::{Config, ConfigError, aws};

/// The system clock, in whole milliseconds.
pub fn system_clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    Arc::new(|| {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    })
}

/// Random bits for ids.
pub fn system_random() -> Random {
    Arc::new(|| fastrand::u128(..))
}

/// Creates the notification channels of a configuration.
type Channels = fn(&Config) -> Result<Vec<Arc<dyn Channel>>, ConfigError>;

/// The parts that only some functions have in their binary.
struct Parts {
    /// Creates the notification channels that the function sends by.
    channels: Channels,
    /// Creates the mailbox that the function reads.
    mailbox: fn(&Config, &Clock) -> Option<Arc<dyn Mailbox>>,
}

/// The parts of most functions: no channels and no mailbox.
const PLAIN: Parts = Parts { channels: |_| Ok(Vec::new()), mailbox: |_, _| None };

/// Starts a function without notification channels, and serves its events until Lambda ends it.
///
/// # Errors
/// If the configuration is invalid, or the Runtime API fails.
pub fn run(function: fn(Context) -> Function) -> Result<(), Error> {
    start(function, PLAIN)
}

/// Starts a function that sends notifications. Only such a function has the code of the channels in its binary.
///
/// # Errors
/// If the configuration is invalid, or the Runtime API fails.
pub fn run_sender(function: fn(Context) -> Function) -> Result<(), Error> {
    start(function, Parts { channels: |config| crate::channels::channels(config, None), ..PLAIN })
}

/// Starts a function that reads received email.
///
/// # Errors
/// If the configuration is invalid, or the Runtime API fails.
pub fn run_receiver(function: fn(Context) -> Function) -> Result<(), Error> {
    start(function, Parts { mailbox: crate::mailbox::mailbox, ..PLAIN })
}

fn start(function: fn(Context) -> Function, parts: Parts) -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(function, parts))
}

/// Builds the context of a function that runs on Lambda.
async fn context(config: &Config, parts: &Parts) -> Result<Context, Error> {
    let clock = system_clock();
    let aws = aws::clients(config).await;
    // A function without an installation key gets a random one. Nobody accepts what it signs, and nobody can forge it.
    let fresh = || Seal::new(&SecretString::from("")).random_token(48);
    let ports = Ports {
        dynamodb: aws.dynamodb,
        sqs: aws.sqs,
        observe: Arc::new(Emf::new(clock.clone())),
        key: config.key.clone().unwrap_or_else(|| SecretString::from(fresh())),
        channels: (parts.channels)(config)?,
        mailbox: (parts.mailbox)(config, &clock),
        clock,
    };
    Ok(crate::context(config, ports)?)
}

async fn serve(function: fn(Context) -> Function, parts: Parts) -> Result<(), Error> {
    let config = Config::from_environment()?;
    let exporter = Exporter::of(&config.telemetry);
    start_logging(&config.log, config.log_format.unwrap_or(LogFormat::Json), exporter.as_ref());
    if let Some(exporter) = exporter {
        telemetry::flush_before_freeze(exporter);
    }
    let context = context(&config, &parts).await?;
    let (clock, random) = (context.clock.clone(), context.random.clone());
    match function(context) {
        Function::Http(http) => (http.run)(crate::observed(http.router, clock, random)).await,
        Function::Sqs(handle) => {
            let handle = &handle;
            #[expect(clippy::disallowed_methods, reason = "this is runtime")]
            lambda_runtime::run(service_fn(move |event: LambdaEvent<_>| async move {
                let answer = handle(event.payload).await;
                telemetry::flush().await;
                Ok::<_, Error>(answer)
            }))
            .await
        }
        Function::Stream(handle) => {
            let handle = &handle;
            #[expect(clippy::disallowed_methods, reason = "this is runtime")]
            lambda_runtime::run(service_fn(move |event: LambdaEvent<_>| async move {
                let answer = handle(event.payload).await;
                telemetry::flush().await;
                Ok::<_, Error>(answer)
            }))
            .await
        }
        Function::Schedule(handle) => {
            let handle = &handle;
            #[expect(clippy::disallowed_methods, reason = "this is runtime")]
            lambda_runtime::run(service_fn(move |_: LambdaEvent<serde_json::Value>| async move {
                let done = handle().await;
                telemetry::flush().await;
                done.map_err(Error::from)
            }))
            .await
        }
        Function::Resource(handle) => {
            let handle = &handle;
            #[expect(clippy::disallowed_methods, reason = "this is runtime")]
            lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
                let done = crate::resource::serve(handle, event.payload).await;
                telemetry::flush().await;
                done.map_err(Error::from)
            }))
            .await
        }
    }
}
