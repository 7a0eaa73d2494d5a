//! Scenario: one alert source is flooded with valid and with forged requests; measures how another source fares.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::http::{delivery, request};
use crate::inbox::{Inbox, now};
use crate::process::{AlertSource, Installation};
use crate::{Options, say};

/// The requests per second of the flood.
const RATE: u32 = 2000;
/// The connections of the flood.
const CONNECTIONS: u32 = 64;
/// The number of different alerts that the flood repeats.
const KEYS: usize = 100;
/// How often an alert is sent to the other source.
const PROBE: Duration = Duration::from_millis(100);
/// The metric of items that are read one by one.
const READS: &str = "aws_requests_total{service=\"dynamodb\",operation=\"GetItem\"}";
/// How long an email may take after the last request.
const EMAIL_TIMEOUT: Duration = Duration::from_secs(120);

/// How long the other source's alerts took.
struct ProbeTimes {
    /// Until the request was answered.
    answered: Vec<Duration>,
    /// Until the email arrived.
    notified: Vec<Duration>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let inbox = Inbox::start().await?;
    let installation = Installation::new(&options.binary, inbox.url())?;
    let process = installation.start(true).await?;
    let (flooded, at) = (installation.demo_source().await?, process.address);
    let other = second_source(at, &installation).await?;
    let lasts = Duration::from_secs(options.seconds);

    let (before, begun) = (reads(at).await?, Instant::now());
    let quiet = probe(at, &other, &inbox, "quiet", lasts).await?;
    let read = (reads(at).await? - before) / begun.elapsed().as_secs_f64();
    say(format_args!("quiet: {} alerts; {read:.1} items read per second", quiet.answered.len()));
    show("quiet", &quiet, None);
    for (name, secret) in [("forged", "forged"), ("flooded", &*flooded.secret)] {
        let before = reads(at).await?;
        let flood = Flood::begin(at, &AlertSource { path: flooded.path.clone(), secret: secret.to_owned() });
        let times = probe(at, &other, &inbox, name, lasts).await?;
        let (sent, accepted, took) = flood.end().await;
        let rate = sent as f64 / took.as_secs_f64();
        let read = (reads(at).await? - before) / took.as_secs_f64();
        say(format_args!(
            "{name}: {rate:.0} requests/s of {RATE} for {took:.0?}, {accepted} of {sent} accepted; {read:.1} items read per second"
        ));
        show(name, &times, Some(&quiet));
    }
    process.stop().await?;
    std::fs::remove_dir_all(&installation.data)?;
    Ok(())
}

/// Creates a second alert source.
async fn second_source(at: SocketAddr, installation: &Installation) -> anyhow::Result<AlertSource> {
    let key = std::fs::read_to_string(installation.data.join("api-key"))?;
    let body = serde_json::json!({
        "name": "Other", "source_type": "alertmanager",
        "template": {
            "title": {"reference": "alert.title"}, "description": {"reference": "alert.description"},
            "attributes": [], "expressions": [],
        },
    });
    let made = request(at, "POST", "/v2/alert_sources", Some(key.trim()), &body.to_string()).await?;
    let made: serde_json::Value = serde_json::from_str(&made.body)?;
    let field = |name: &str| made["alert_source"][name].as_str().map(str::to_owned);
    let url = field("alert_events_url").context("the alert source has no URL")?;
    AlertSource::new(&url, &field("secret_token").context("the alert source has no secret")?)
}

/// The number of items read one by one so far.
async fn reads(at: SocketAddr) -> anyhow::Result<f64> {
    let shown = request(at, "GET", "/metrics", None, "").await?;
    let units = shown.body.lines().filter(|line| line.starts_with(READS) && !line.starts_with('#'));
    Ok(units.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// Sends one alert after the other, and waits until the email of each has arrived.
async fn probe(
    at: SocketAddr,
    to: &AlertSource,
    inbox: &Inbox,
    name: &str,
    lasts: Duration,
) -> anyhow::Result<ProbeTimes> {
    let (mut answered, mut sent) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < lasts {
        let title = format!("{name} probe {}", sent.len());
        let body = delivery(&title, &title.replace(' ', "-"), false);
        let (asked, stamp) = (Instant::now(), now());
        let answer = request(at, "POST", &to.path, Some(&to.secret), &body).await?;
        ensure!(answer.status == 202, "{title} was answered with status {}: {}", answer.status, answer.body);
        answered.push(asked.elapsed());
        sent.push((title, stamp));
        tokio::time::sleep(PROBE.saturating_sub(asked.elapsed())).await;
    }
    let over = Instant::now();
    let mut notified = Vec::new();
    for (title, stamp) in sent {
        let mail = loop {
            let mails = inbox.mails();
            if let Some(mail) = mails.iter().find(|mail| mail.text.contains(&format!("{title}\r\n"))) {
                break mail.at;
            }
            ensure!(over.elapsed() < EMAIL_TIMEOUT, "{title} was not notified within {EMAIL_TIMEOUT:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        notified.push(mail.duration_since(stamp).unsigned_abs());
    }
    Ok(ProbeTimes { answered, notified })
}

/// A percentile of durations.
fn percentile(all: &[Duration], percent: usize) -> Duration {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// Prints how long the other source's alerts took, and how many times longer than without a flood.
fn show(name: &str, times: &ProbeTimes, quiet: Option<&ProbeTimes>) {
    for (what, durations, before) in [
        ("answered", &times.answered, quiet.map(|quiet| &quiet.answered)),
        ("notified", &times.notified, quiet.map(|quiet| &quiet.notified)),
    ] {
        let (half, most) = (percentile(durations, 50), percentile(durations, 99));
        let ratio = before.map(|before| {
            let ratio = most.as_secs_f64() / percentile(before, 99).as_secs_f64();
            format!(", {ratio:.1} times the p99 without a flood")
        });
        let ratio = ratio.unwrap_or_default();
        say(format_args!(
            "{name}: alerts of the other source were {what} within p50 {half:.1?}, p99 {most:.1?} ({} of {}){ratio}",
            durations.len(),
            times.answered.len()
        ));
    }
}

/// A running flood: requests at a fixed rate over connections that stay open.
struct Flood {
    begun: Instant,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
    senders: JoinSet<()>,
}

impl Flood {
    fn begin(at: SocketAddr, to: &AlertSource) -> Self {
        let mut flood = Self {
            begun: Instant::now(),
            stop: Arc::default(),
            sent: Arc::default(),
            accepted: Arc::default(),
            senders: JoinSet::new(),
        };
        for n in 0..CONNECTIONS {
            let (stop, sent, accepted, to) =
                (flood.stop.clone(), flood.sent.clone(), flood.accepted.clone(), to.clone());
            flood.senders.spawn(async move {
                let mut pause = tokio::time::interval(Duration::from_secs(1) * CONNECTIONS / RATE);
                pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                while !stop.load(Ordering::Relaxed) {
                    let Ok(stream) = TcpStream::connect(at).await else { continue };
                    let mut stream = BufReader::new(stream);
                    while !stop.load(Ordering::Relaxed) {
                        pause.tick().await;
                        let key = (n as usize + sent.load(Ordering::Relaxed)) % KEYS;
                        let Ok(status) = exchange(&mut stream, at, &to, key).await else { break };
                        sent.fetch_add(1, Ordering::Relaxed);
                        accepted.fetch_add(usize::from(status == 202), Ordering::Relaxed);
                    }
                }
            });
        }
        flood
    }

    /// Ends the flood; returns the number of answered and of accepted requests, and how long it lasted.
    async fn end(mut self) -> (usize, usize, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let took = self.begun.elapsed();
        while self.senders.join_next().await.is_some() {}
        (self.sent.load(Ordering::Relaxed), self.accepted.load(Ordering::Relaxed), took)
    }
}

/// Sends one request and returns the status of its response.
async fn exchange(
    stream: &mut BufReader<TcpStream>,
    at: SocketAddr,
    to: &AlertSource,
    key: usize,
) -> anyhow::Result<u16> {
    let body = delivery(&format!("flood {key}"), &format!("flood-{key}"), false);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Authorization: Bearer {}\r\n\r\n",
        to.path,
        body.len(),
        to.secret
    );
    stream.get_mut().write_all(format!("{head}{body}").as_bytes()).await?;
    let (mut line, mut status, mut length) = (String::new(), 0, 0);
    loop {
        line.clear();
        ensure!(stream.read_line(&mut line).await? > 0, "the connection was closed");
        let text = line.trim();
        if text.is_empty() {
            break;
        }
        if status == 0 {
            status = text
                .split(' ')
                .nth(1)
                .and_then(|code| code.parse().ok())
                .context("the response has no status")?;
        } else if let Some((_, value)) =
            text.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse()?;
        }
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    Ok(status)
}
