//! `cargo local`: the whole system in one process.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use app::Context;
use app::org::create::{Created, NewOrg, create};
use domain::id::OrgId;
use embedded::{Counting, Counts, Embedded, Wire};
use http_api::web::sign_in_link;
use local::demo;
use local::home::Home;
use local::mailbox::Directory;
use local::options::{HELP, Options};
use local::smtp::Smtp;
use local::web::{self, Meters};
use local::{Plain, PlainFeed, Runner, queues};
use runtime::config::LogFormat;
use runtime::telemetry::Exporter;
use runtime::{Config, Metrics, Ports, channels, clients_elsewhere, observed, system_clock};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> anyhow::Result<()> {
    let Some(options) = Options::parse()? else {
        write!(std::io::stdout(), "{HELP}")?;
        return Ok(());
    };
    let config = Config::from_environment()?;
    let exporter = Exporter::of(&config.telemetry);
    let format = config.log_format.unwrap_or(LogFormat::Text);
    runtime::telemetry::start_logging(&config.log, format, exporter.as_ref());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Some(exporter) = exporter.clone() {
            tokio::spawn(async move { exporter.flush_for_ever().await });
        }
        let served = serve(&options, &config).await;
        if let Some(exporter) = exporter {
            exporter.flush().await;
        }
        served
    })
}

/// Tells the person at the terminal.
fn tell(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

async fn serve(options: &Options, config: &Config) -> anyhow::Result<()> {
    let home = Home::open(&options.data, options.ephemeral)?;
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        format!("cannot listen on {}: is another `cargo local` running? Use --listen", options.listen)
    })?;
    let address = listener.local_addr()?;
    let clock = system_clock();
    let milliseconds = clock.clone();
    let embedded =
        Embedded::open(home.dir(), queues::specs(), Arc::new(move || milliseconds().as_millisecond()))
            .with_context(|| format!("cannot open the database in `{}`", home.dir().display()))?;
    let (metrics, counts) = (Arc::new(Metrics::default()), Arc::new(Counts::default()));
    let wire: Arc<dyn Wire> = Arc::new(Counting::new(embedded.wire(), counts.clone()));
    if let Some(aws_listen) = options.aws_listen {
        let aws =
            TcpListener::bind(aws_listen).await.with_context(|| format!("cannot listen on {aws_listen}"))?;
        tell(format_args!("the embedded AWS services are at http://{}", aws.local_addr()?));
        tokio::spawn(embedded::serve(aws, wire.clone()));
    }
    // Over the network if somebody stands between, straight into the process otherwise.
    let (dynamodb, sqs) = if config.is_aws_elsewhere() {
        clients_elsewhere(config)
    } else {
        (embedded::dynamodb(wire.clone()), embedded::sqs(wire))
    };
    let key = match &config.key {
        Some(key) => key.clone(),
        None => home.key()?,
    };
    let mailbox = Directory::open(&home.mail_in())?;
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
        channels: channels(config, Some(&home.mail()))?,
        mailbox: Some(Arc::new(mailbox.clone())),
        clock,
    };
    let context = runtime::context(&inside, ports)?;
    if config.smtp_url.is_none() && config.ses.is_none() {
        tell(format_args!("no FIREBELL_SMTP_URL is set: mail is written to {}", home.mail().display()));
    }
    take_mail(options, &context, mail_domain, mailbox, &embedded).await;
    let org = organise(&context, config, &home).await?;
    let demo = match org {
        Some(org) if options.demo => Some(demo::make(&context, org).await?),
        Some(_) | None => None,
    };

    let feed = Box::new(PlainFeed(embedded.stream()));
    let mut runner = Runner::start(&context, &embedded, Arc::new(Plain), feed);
    runner.trim(embedded.stream());
    let functions = observed(runner.router.clone(), context.clock.clone(), context.random.clone());
    let router = functions.merge(web::router(Meters { metrics, counts, context: context.clone() }));
    if let Some(org) = context.store.home().await? {
        let link = sign_in_link(&context, org).await?;
        tell(format_args!("sign in, once and within a quarter of an hour, at\n  {link}"));
    }
    writeln!(std::io::stdout(), "firebell is ready at http://{address}")?;
    if let Some(demo) = demo {
        tell(format_args!(
            "the demonstration's Alertmanager source takes alerts at\n  http://{address}/v2/alert_events/alertmanager/{}\n\
             with the secret\n  {}\nand one fires now; see {}",
            demo.source.id,
            demo.secret.expose_secret(),
            home.mail().display(),
        ));
        demo::fire(router.clone(), &demo, context.now()).await?;
    }
    axum::serve(listener, router).with_graceful_shutdown(stopped()).await?;
    runner.stop().await;
    tell("stopped");
    Ok(())
}

/// Takes mail, if that is possible: that it is not stops nothing else.
async fn take_mail(
    options: &Options,
    context: &Context,
    domain: String,
    mailbox: Directory,
    embedded: &Embedded,
) {
    let listener = match TcpListener::bind(options.mail_listen).await {
        Ok(listener) => listener,
        Err(error) => {
            let at = options.mail_listen;
            tell(format_args!("no mail is taken: cannot listen on {at} ({error}); use --mail-listen"));
            return;
        }
    };
    let address = listener.local_addr().unwrap_or(options.mail_listen);
    tell(format_args!("mail for alert sources is taken at smtp://{address}"));
    let (clock, random) = (context.clock.clone(), context.random.clone());
    let smtp = Smtp { domain, mailbox, queues: embedded.queues().clone(), clock, random };
    tokio::spawn(smtp.serve(listener));
}

/// Creates the organisation on an empty data directory; says which, if it is new.
async fn organise(context: &Context, config: &Config, home: &Home) -> anyhow::Result<Option<OrgId>> {
    let new = NewOrg {
        name: "My organisation".to_owned(),
        owner_name: "Owner".to_owned(),
        owner_email: config.owner_email.clone(),
        api_key: context.first_key.clone(),
    };
    let created = create(&context.store, &context.seal, &new, &context.random, context.now()).await?;
    let Created::New { api_key, org } = created else { return Ok(None) };
    let file = home.keep_api_key(&api_key)?;
    tell(format_args!("the API key, kept in {}: {api_key}", file.display()));
    Ok(Some(org.id))
}

/// Ends when the process is asked to stop.
async fn stopped() {
    let mut terminated = signal(SignalKind::terminate()).expect("the system has signals");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
