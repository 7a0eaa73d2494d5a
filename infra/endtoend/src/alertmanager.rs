//! The real Alertmanager in front: its alerts reach a real inbox, through a `kill -9`, and end when it says so.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use domain::Timestamp;
use machine::{State, Stateful};
use testing::ledger::Ledger;
use tokio::process::{Child, Command};

use crate::http::request;
use crate::process::{Setup, Source};
use crate::sink::{Mail, Sink, local_now};
use crate::{Options, say};

/// How many alerts are sent.
const ALERTS: usize = 20;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::start().await?;
    let setup = Setup::fresh(&options.binary, sink.url())?;
    let process = setup.start(true).await?;
    let source = setup.source().await?;
    wait(&sink, "the demonstration's page", |mails| !mails.is_empty()).await?;
    let (_alertmanager, address) = start(&setup, &source).await?;

    // One alert through a kill -9: it is fired, the process is killed, and whatever was accepted is paged.
    fire(address, &["through-a-kill".to_owned()], None).await?;
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..120))).await;
    process.kill().await?;
    let process = setup.start(false).await?;
    wait(&sink, "the page through a kill -9", |mails| has(mails, "through-a-kill")).await?;

    let names: Vec<String> = (0..ALERTS).map(|n| format!("real-{n:02}")).collect();
    for name in &names {
        fire(address, std::slice::from_ref(name), None).await?;
    }
    wait(&sink, "twenty pages", |mails| names.iter().all(|name| has(mails, name))).await?;
    let (p50, max) = latency(&setup, &sink, &names)?;

    acknowledge(&process.address, &sink, &names[0]).await?;
    let now = local_now();
    fire(address, &names, Some(now)).await?;
    settled(&process.address).await?;
    let traced = traced(&setup, &sink, &names[1])?;
    process.stop().await?;

    let embedded = embedded::Embedded::open(&setup.data, local::queues::specs(), Arc::new(|| 0))?;
    let ledger = Ledger::read(&embedded.wire()).await?;
    for name in &names {
        let alert = ledger.alerts.iter().find(|alert| alert.title.contains(name.as_str()));
        let alert = alert.with_context(|| format!("`{name}` has no alert"))?;
        ensure!(alert.head().state().name() == "resolved", "`{name}` is {:?}", alert.head().state());
        let escalation =
            ledger.escalations.iter().find(|it| it.alert == Some(alert.id)).context("no escalation")?;
        ensure!(escalation.head().state().name() == "resolved", "`{name}`: {:?}", escalation.head().state());
    }
    ensure!(sink.mails().iter().all(|mail| mail.to != "grace@example.com"), "level 2 was paged");
    say(format_args!(
        "alertmanager: {ALERTS} alerts paged, from request to DATA p50 {p50} ms, max {max} ms; one through a kill -9; \
         acknowledged by POST of the mail's link while GET and HEAD changed nothing; level 2 not paged; all resolved; \
         trace {traced} from the webhook's log line to the mail"
    ));
    std::fs::remove_dir_all(&setup.data)?;
    Ok(())
}

/// Says whether somebody was told of an alert.
fn has(mails: &[Mail], name: &str) -> bool {
    mails.iter().any(|mail| mail.text.contains(name))
}

/// Waits for the inbox.
pub(crate) async fn wait(sink: &Sink, what: &str, done: impl Fn(&[Mail]) -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !done(&sink.mails()) {
        ensure!(begun.elapsed() < Duration::from_secs(100), "{what} did not come within 100 seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Starts the real Alertmanager.
pub(crate) async fn start(setup: &Setup, source: &Source) -> anyhow::Result<(Child, std::net::SocketAddr)> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = format!(
        "route: {{receiver: firebell, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}\n\
         receivers:\n- name: firebell\n  webhook_configs:\n  - url: 'http://{}{}'\n    send_resolved: true\n    \
         http_config: {{authorization: {{credentials: {}}}}}\n",
        setup.address, source.path, source.secret
    );
    let file = setup.data.join("alertmanager.yml");
    std::fs::write(&file, config)?;
    let log = std::fs::File::create(setup.data.join("alertmanager.log"))?;
    let child = Command::new("prometheus-alertmanager")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", setup.data.join("alertmanager").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("starting prometheus-alertmanager: is it installed?")?;
    let begun = Instant::now();
    while request(address, "GET", "/-/ready", None, "").await.map_or(true, |answer| answer.status != 200) {
        ensure!(begun.elapsed() < Duration::from_secs(20), "Alertmanager is not ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok((child, address))
}

/// Gives Alertmanager alerts that begin, or end.
pub(crate) async fn fire(
    to: std::net::SocketAddr,
    names: &[String],
    ends: Option<Timestamp>,
) -> anyhow::Result<()> {
    let alerts: Vec<_> = names
        .iter()
        .map(|name| {
            let mut alert = serde_json::json!({
                "labels": {"alertname": name, "severity": "critical"},
                "annotations": {"summary": format!("{name} is on fire")},
            });
            if let Some(ends) = ends {
                alert["endsAt"] = ends.to_string().into();
            }
            alert
        })
        .collect();
    let body = serde_json::to_string(&alerts)?;
    let answer = request(to, "POST", "/api/v2/alerts", None, &body).await?;
    ensure!(answer.status == 200, "Alertmanager answered {} {}", answer.status, answer.body);
    Ok(())
}

/// The process' log, a line at a time.
fn lines(setup: &Setup) -> anyhow::Result<Vec<serde_json::Value>> {
    let log = std::fs::read_to_string(setup.log())?;
    Ok(log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// From the access log's start of the request to the inbox's DATA, in milliseconds: the middle one and the longest.
fn latency(setup: &Setup, sink: &Sink, names: &[String]) -> anyhow::Result<(i64, i64)> {
    let lines = lines(setup)?;
    let mut took = Vec::new();
    for name in names {
        let mail = sink.mails().into_iter().find(|mail| mail.text.contains(name)).context("a mail")?;
        let trace = mail.header("x-firebell-trace").context("a mail names its trace")?.to_owned();
        let request = lines
            .iter()
            .find(|line| line["trace.id"] == trace.as_str() && line["http.method"] == "POST")
            .with_context(|| format!("no line of the access log has the trace {trace}"))?;
        let started: Timestamp = request["started_at"].as_str().context("a start")?.parse()?;
        took.push(i64::try_from(mail.at.duration_since(started).as_millis())?);
    }
    took.sort_unstable();
    Ok((took[took.len() / 2], took[took.len() - 1]))
}

/// Acknowledges by the link of a mail: GET and HEAD change nothing, POST does.
async fn acknowledge(to: &std::net::SocketAddr, sink: &Sink, name: &str) -> anyhow::Result<()> {
    let mail = sink.mails().into_iter().find(|mail| mail.text.contains(name)).context("a mail")?;
    let text = mail.plain();
    let at = text.find("/acknowledge/").context("a link in the mail")?;
    let link: String =
        text[at..].chars().take_while(|c| !c.is_whitespace() && !"\"<>".contains(*c)).collect();
    for method in ["GET", "HEAD", "GET"] {
        let answer = request(*to, method, &link, None, "").await?;
        ensure!(answer.status == 200, "{method} of the link was answered {}", answer.status);
    }
    let before = request(*to, "GET", &link, None, "").await?;
    ensure!(before.body.contains("<form"), "GET or HEAD has acknowledged: the button is gone");
    let answer = request(*to, "POST", &link, None, "").await?;
    ensure!(answer.status == 303 || answer.status == 200, "POST was answered {}", answer.status);
    let after = request(*to, "GET", &link, None, "").await?;
    ensure!(!after.body.contains("<form"), "POST has not acknowledged: the button is still there");
    Ok(())
}

/// Waits until no queue has work for a while: the metrics stand still.
async fn settled(to: &std::net::SocketAddr) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let answer = request(*to, "GET", "/metrics", None, "").await?;
        let resolved: u64 = answer
            .body
            .lines()
            .filter(|line| {
                line.contains("_count{machine=\"escalation\"") && line.contains("to_state=\"resolved\"")
            })
            .filter(|line| line.contains("outcome=\"success\""))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum();
        if resolved >= ALERTS as u64 {
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_secs(60), "only {resolved} escalations were resolved");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The trace id of an alert, from the webhook's log line to the mail's header.
fn traced(setup: &Setup, sink: &Sink, name: &str) -> anyhow::Result<String> {
    let mail = sink.mails().into_iter().find(|mail| mail.text.contains(name)).context("a mail")?;
    let trace = mail.header("x-firebell-trace").context("a mail names its trace")?.to_owned();
    let logged = lines(setup)?;
    ensure!(logged.iter().any(|line| line["trace.id"] == trace.as_str()), "no line of the log has {trace}");
    Ok(trace)
}
