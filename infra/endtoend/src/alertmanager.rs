//! Scenario: alerts of the real Alertmanager reach an inbox, also through a `kill -9`, and resolve.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use domain::Timestamp;
use machine::{State, Stateful};
use testing::ledger::Ledger;
use tokio::process::{Child, Command};

use crate::http::request;
use crate::inbox::{Email, Inbox, now};
use crate::process::{AlertSource, Installation};
use crate::{Options, say};

/// The number of alerts.
const ALERTS: usize = 20;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let inbox = Inbox::start().await?;
    let installation = Installation::new(&options.binary, inbox.url())?;
    let process = installation.start(true).await?;
    let source = installation.demo_source().await?;
    wait(&inbox, "the email of the demo alert", |mails| !mails.is_empty()).await?;
    let (_alertmanager, address) = start(&installation, &source).await?;

    // The process is killed while it handles an alert. If it had accepted the alert, its email arrives after the
    // restart; otherwise Alertmanager sends the alert again.
    fire(address, &["through-a-kill".to_owned()], None).await?;
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..120))).await;
    process.kill().await?;
    let process = installation.start(false).await?;
    wait(&inbox, "the email of the alert during a kill -9", |mails| has(mails, "through-a-kill")).await?;

    let names: Vec<String> = (0..ALERTS).map(|n| format!("real-{n:02}")).collect();
    for name in &names {
        fire(address, std::slice::from_ref(name), None).await?;
    }
    wait(&inbox, "the emails of all alerts", |mails| names.iter().all(|name| has(mails, name))).await?;
    let (p50, max) = latency(&installation, &inbox, &names)?;

    acknowledge(&process.address, &inbox, &names[0]).await?;
    let now = now();
    fire(address, &names, Some(now)).await?;
    all_resolved(&process.address).await?;
    let traced = trace_id(&installation, &inbox, &names[1])?;
    process.stop().await?;

    let embedded = embedded::Embedded::open(&installation.data, local::queues::specs(), Arc::new(|| 0))?;
    let ledger = Ledger::read(&embedded.backend()).await?;
    for name in &names {
        let alert = ledger.alerts.iter().find(|alert| alert.title.contains(name.as_str()));
        let alert = alert.with_context(|| format!("`{name}` has no alert"))?;
        ensure!(alert.head().state().name() == "resolved", "`{name}` is {:?}", alert.head().state());
        let escalation =
            ledger.escalations.iter().find(|it| it.alert == Some(alert.id)).context("no escalation")?;
        ensure!(escalation.head().state().name() == "resolved", "`{name}`: {:?}", escalation.head().state());
    }
    ensure!(inbox.mails().iter().all(|mail| mail.to != "grace@example.com"), "level 2 was notified");
    say(format_args!(
        "alertmanager: {ALERTS} alerts were sent by email, p50 {p50} ms and max {max} ms after the request; one more during \
         a kill -9. POST of the email's link acknowledged, GET and HEAD did not. Level 2 was not notified. All \
         escalations are resolved. Trace {traced} is in the log of the webhook and in the email."
    ));
    std::fs::remove_dir_all(&installation.data)?;
    Ok(())
}

/// Whether an email is about an alert.
fn has(mails: &[Email], name: &str) -> bool {
    mails.iter().any(|mail| mail.text.contains(name))
}

/// Waits until the inbox has the wanted emails.
pub(crate) async fn wait(inbox: &Inbox, what: &str, done: impl Fn(&[Email]) -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !done(&inbox.mails()) {
        ensure!(begun.elapsed() < Duration::from_secs(100), "{what} did not arrive within 100 seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Starts the real Alertmanager with one webhook to an alert source.
pub(crate) async fn start(
    installation: &Installation,
    source: &AlertSource,
) -> anyhow::Result<(Child, std::net::SocketAddr)> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = format!(
        "route: {{receiver: firebell, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}\n\
         receivers:\n- name: firebell\n  webhook_configs:\n  - url: 'http://{}{}'\n    send_resolved: true\n    \
         http_config: {{authorization: {{credentials: {}}}}}\n",
        installation.address, source.path, source.secret
    );
    let file = installation.data.join("alertmanager.yml");
    std::fs::write(&file, config)?;
    let log = std::fs::File::create(installation.data.join("alertmanager.log"))?;
    let child = Command::new("prometheus-alertmanager")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", installation.data.join("alertmanager").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start `prometheus-alertmanager`; install the package prometheus-alertmanager")?;
    let begun = Instant::now();
    while request(address, "GET", "/-/ready", None, "").await.map_or(true, |answer| answer.status != 200) {
        ensure!(begun.elapsed() < Duration::from_secs(20), "Alertmanager was not ready within 20 seconds");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok((child, address))
}

/// Gives alerts to Alertmanager: firing ones, or ones that end at a time.
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
    ensure!(answer.status == 200, "Alertmanager answered with status {}: {}", answer.status, answer.body);
    Ok(())
}

/// The lines of the process's JSON log.
fn log_lines(installation: &Installation) -> anyhow::Result<Vec<serde_json::Value>> {
    let log = std::fs::read_to_string(installation.log())?;
    Ok(log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Median and maximum time from the start of a request in the access log to the email's DATA, in milliseconds.
fn latency(installation: &Installation, inbox: &Inbox, names: &[String]) -> anyhow::Result<(i64, i64)> {
    let lines = log_lines(installation)?;
    let mut took = Vec::new();
    for name in names {
        let mail = inbox
            .mails()
            .into_iter()
            .find(|mail| mail.text.contains(name))
            .context("no email is about the alert")?;
        let trace = mail.header("x-firebell-trace").context("an email names its trace")?.to_owned();
        let request = lines
            .iter()
            .find(|line| line["trace.id"] == trace.as_str() && line["http.method"] == "POST")
            .with_context(|| format!("no line of the access log has the trace {trace}"))?;
        let started: Timestamp =
            request["started_at"].as_str().context("a line of the access log has no start")?.parse()?;
        took.push(i64::try_from(mail.at.duration_since(started).as_millis())?);
    }
    took.sort_unstable();
    Ok((took[took.len() / 2], took[took.len() - 1]))
}

/// Acknowledges with the link of an email. Only POST may acknowledge: mail programs fetch links with GET and HEAD.
async fn acknowledge(to: &std::net::SocketAddr, inbox: &Inbox, name: &str) -> anyhow::Result<()> {
    let mail = inbox
        .mails()
        .into_iter()
        .find(|mail| mail.text.contains(name))
        .context("no email is about the alert")?;
    let text = mail.plain();
    let at = text.find("/acknowledge/").context("the email has no acknowledge link")?;
    let link: String =
        text[at..].chars().take_while(|c| !c.is_whitespace() && !"\"<>".contains(*c)).collect();
    for method in ["GET", "HEAD", "GET"] {
        let answer = request(*to, method, &link, None, "").await?;
        ensure!(
            answer.status == 200,
            "{method} of the acknowledge link was answered with status {}",
            answer.status
        );
    }
    let before = request(*to, "GET", &link, None, "").await?;
    ensure!(before.body.contains("<form"), "GET or HEAD acknowledged the escalation: the button is gone");
    let answer = request(*to, "POST", &link, None, "").await?;
    ensure!(
        answer.status == 303 || answer.status == 200,
        "POST of the acknowledge link was answered with status {}",
        answer.status
    );
    let after = request(*to, "GET", &link, None, "").await?;
    ensure!(
        !after.body.contains("<form"),
        "POST did not acknowledge the escalation: the button is still there"
    );
    Ok(())
}

/// Waits until the metrics count all escalations as resolved.
async fn all_resolved(to: &std::net::SocketAddr) -> anyhow::Result<()> {
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

/// The trace id of an alert: the same in the log line of the webhook and in the header of the email.
fn trace_id(installation: &Installation, inbox: &Inbox, name: &str) -> anyhow::Result<String> {
    let mail = inbox
        .mails()
        .into_iter()
        .find(|mail| mail.text.contains(name))
        .context("no email is about the alert")?;
    let trace = mail.header("x-firebell-trace").context("an email names its trace")?.to_owned();
    let logged = log_lines(installation)?;
    ensure!(logged.iter().any(|line| line["trace.id"] == trace.as_str()), "no line of the log has {trace}");
    Ok(trace)
}
