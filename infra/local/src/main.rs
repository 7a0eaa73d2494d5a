//! `cargo local`: all of Firebell in one process.

use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use app::Context;
use app::org::create::{CreatedOrg, NewOrg, create};
use domain::id::OrgId;
use embedded::{AwsBackend, CountingBackend, Counts, Embedded};
use http_api::web::sign_in_link;
use local::data_dir::DataDir;
use local::demo;
use local::error::{StartError, listen_reason};
use local::monitoring::{self, MonitoringState};
use local::options::{Command, HELP, Options, VERSION};
use local::received_mail::ReceivedMail;
use local::sent_mail::{ReadableMail, check_server};
use local::smtp_server::SmtpServer;
use local::startup_text::{ApiKeyText, SentMailText, StartupText};
use local::{CheckpointedReader, DirectInvoker, Runner, queues};
use notify::Mailer;
use runtime::config::{LOG, LogFormat, unknown_settings};
use runtime::telemetry::{Exporter, is_valid_filter};
use runtime::{Config, ConfigError, Metrics, Ports, channels, clients_elsewhere, observed, system_clock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a mistake on the command line.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let options = match Command::parse(lexopt::Parser::from_env()) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => return print(HELP),
        Ok(Command::Version) => return print(VERSION),
        Err(error) => {
            tell(format_args!("error: {error}"));
            return ExitCode::from(USAGE);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show(&error);
            ExitCode::FAILURE
        }
    }
}

/// Prints a text on standard output.
fn print(text: &str) -> ExitCode {
    match write!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Prints a line for the person at the terminal.
fn tell(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints an error, one line each for wrong settings.
fn show(error: &anyhow::Error) {
    if let Some(ConfigError(faults)) = error.downcast_ref() {
        for fault in faults {
            tell(format_args!("error: {fault}"));
        }
    } else {
        tell(format_args!("error: {error:#}"));
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let config = Config::from_environment()?;
    if !is_valid_filter(&config.log) {
        let fault = format!(
            "{LOG} is `{}`: use a level such as `info`, or levels by target such as `info,store=debug`",
            config.log
        );
        return Err(ConfigError(vec![fault]).into());
    }
    for name in unknown_settings() {
        tell(format_args!("warning: Firebell has no setting {name}; the README lists all settings"));
    }
    let exporter = Exporter::of(&config.telemetry);
    let format = config.log_format.unwrap_or(LogFormat::Text);
    runtime::telemetry::start_logging(&config.log, format, exporter.as_ref());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Some(exporter) = exporter.clone() {
            tokio::spawn(async move { exporter.flush_for_ever().await });
        }
        let served = serve(options, &config).await;
        if let Some(exporter) = exporter {
            exporter.flush().await;
        }
        served
    })
}

/// Serves until the process is asked to stop.
async fn serve(options: &Options, config: &Config) -> anyhow::Result<()> {
    let data = DataDir::open(&options.data, options.ephemeral)?;
    let listener = listen(options.listen, "--listen").await?;
    let address = listener.local_addr()?;
    let clock = system_clock();
    let milliseconds = clock.clone();
    let embedded =
        Embedded::open(data.path(), queues::specs(), Arc::new(move || milliseconds().as_millisecond()))
            .map_err(|cause| StartError::Database { dir: data.path().to_owned(), cause })?;
    let (metrics, counts) = (Arc::new(Metrics::default()), Arc::new(Counts::default()));
    let backend: Arc<dyn AwsBackend> = Arc::new(CountingBackend::new(embedded.backend(), counts.clone()));
    let mut aws = None;
    if let Some(aws_listen) = options.aws_listen {
        let listener = listen(aws_listen, "--aws-listen").await?;
        aws = Some(listener.local_addr()?);
        tokio::spawn(embedded::serve(listener, backend.clone()));
    }
    // A proxy may stand between the functions and the embedded services; then the calls go over the network.
    let (dynamodb, sqs) = if config.is_aws_elsewhere() {
        clients_elsewhere(config)
    } else {
        (embedded::dynamodb(backend.clone()), embedded::sqs(backend))
    };
    let key = match &config.key {
        Some(key) => key.clone(),
        None => data.key()?,
    };
    let mailbox = ReceivedMail::open(&data.received_mail())?;
    let mail_domain = config.mail_domain.clone().unwrap_or_else(|| "localhost".to_owned());
    // What is elsewhere in a deployment is inside this process.
    let inside = Config {
        table: embedded::TABLE.to_owned(),
        queues: queues::urls(),
        public_url: Some(config.public_url.clone().unwrap_or_else(|| format!("http://{address}"))),
        mail_domain: Some(mail_domain.clone()),
        ..config.clone()
    };
    let ports = Ports {
        dynamodb,
        sqs,
        observe: metrics.clone(),
        key,
        channels: ReadableMail::wrap(channels(config, Some(&data.sent_mail()))?, &data.sent_mail()),
        mailbox: Some(Arc::new(mailbox.clone())),
        clock,
    };
    let context = runtime::context(&inside, ports)?;
    let (sent_mail, mail_server) = sent_mail(config, &data)?;
    let received_mail = receive_mail(options, &context, mail_domain, mailbox, &embedded).await;
    let (new_org, api_key) = organise(&context, config, &data).await?;
    let demo = match new_org {
        Some(org) if options.demo => Some(demo::create(&context, org).await?),
        Some(_) => None,
        None => {
            if options.demo {
                tell(format_args!(
                    "warning: --demo has no effect, because `{}` has an organisation already. Use --ephemeral, or \
                     --data DIR with a new directory.",
                    data.path().display()
                ));
            }
            None
        }
    };

    let reader = Box::new(CheckpointedReader(embedded.stream()));
    let mut runner = Runner::start(&context, &embedded, Arc::new(DirectInvoker), reader);
    runner.trim(embedded.stream());
    let functions = observed(runner.router.clone(), context.clock.clone(), context.random.clone());
    let state = MonitoringState { metrics, counts, context: context.clone() };
    let router = functions.merge(monitoring::router(state));
    let sign_in = match context.store.home().await? {
        Some(org) => Some(sign_in_link(&context, org).await?),
        None => None,
    };
    let url = format!("http://{address}");
    tell(StartupText {
        url: &url,
        data: data.path(),
        ephemeral: data.is_ephemeral(),
        api_key,
        sent_mail,
        received_mail,
        aws,
        sign_in,
        demo: demo.as_ref(),
    });
    writeln!(std::io::stdout(), "Firebell is ready at {url}")?;
    if let Some(server) = mail_server {
        tokio::spawn(async move { check_server(server, |text| tell(text)).await });
    }
    if let Some(demo) = demo {
        demo::send_alert(router.clone(), &demo, context.now()).await?;
    }
    axum::serve(listener, router).with_graceful_shutdown(stopped()).await?;
    runner.stop().await;
    tell("Firebell has stopped");
    Ok(())
}

/// Listens on an address that an option names.
async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| StartError::Listen { address, option, cause })
}

/// Says where sent email goes, and returns the mail server if there is one to check.
fn sent_mail(config: &Config, data: &DataDir) -> anyhow::Result<(SentMailText, Option<Mailer>)> {
    let mailer = match (&config.smtp_url, &config.ses) {
        (Some(url), _) => Mailer::smtp(url, &config.mail_from)?,
        (None, Some(ses)) => Mailer::ses(ses.clone(), &config.mail_from)?,
        (None, None) => return Ok((SentMailText::Files(data.sent_mail()), None)),
    };
    Ok((SentMailText::Server(mailer.destination()), Some(mailer)))
}

/// Starts to receive email for alert sources. If the address cannot be used, everything else works all the same.
async fn receive_mail(
    options: &Options,
    context: &Context,
    domain: String,
    mailbox: ReceivedMail,
    embedded: &Embedded,
) -> Result<(SocketAddr, String), String> {
    let asked = options.mail_listen;
    let listener = TcpListener::bind(asked).await.map_err(|error| {
        let reason = listen_reason(&error);
        format!("cannot listen on {asked}: {reason}. Use --mail-listen to choose another address.")
    })?;
    let address = listener.local_addr().unwrap_or(asked);
    let (clock, random) = (context.clock.clone(), context.random.clone());
    let queues = embedded.queues().clone();
    tokio::spawn(SmtpServer { domain: domain.clone(), mailbox, queues, clock, random }.serve(listener));
    Ok((address, domain))
}

/// Creates the organisation in a new data directory; returns its id if it is new, and where the API key is.
async fn organise(
    context: &Context,
    config: &Config,
    data: &DataDir,
) -> anyhow::Result<(Option<OrgId>, ApiKeyText)> {
    let new = NewOrg {
        name: "My organisation".to_owned(),
        owner_name: "Owner".to_owned(),
        owner_email: config.owner_email.clone(),
        api_key: context.first_key.clone(),
    };
    let created = create(&context.store, &context.seal, &new, &context.random, context.now()).await?;
    let file = data.api_key_file();
    Ok(match created {
        CreatedOrg::New { api_key, org } => {
            data.store_api_key(&api_key)?;
            (Some(org.id), ApiKeyText::New(api_key, file))
        }
        _ if file.exists() => (None, ApiKeyText::InFile(file)),
        _ => (None, ApiKeyText::Elsewhere),
    })
}

/// Waits until the process is asked to stop.
async fn stopped() {
    let mut terminated = signal(SignalKind::terminate()).expect("the system has signals");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
