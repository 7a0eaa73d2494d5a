//! One source is flooded, by its own sender or by somebody who forges: what becomes of another source.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::http::{delivery, request};
use crate::process::{Setup, Source};
use crate::sink::{Sink, local_now};
use crate::{Options, say};

/// How many requests a second the flood has.
const RATE: u32 = 2000;
/// Over how many connections.
const CONNECTIONS: u32 = 64;
/// Of how many alerts the flood tells, again and again.
const KEYS: usize = 100;
/// How often the other source is heard of.
const PROBE: Duration = Duration::from_millis(100);
/// What counts the items that are read one by one.
const READS: &str = "aws_requests_total{service=\"dynamodb\",operation=\"GetItem\"}";
/// How long every page may take once the flood is over.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was seen of the other source.
struct Seen {
    answered: Vec<Duration>,
    paged: Vec<Duration>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::start().await?;
    let setup = Setup::fresh(&options.binary, sink.url())?;
    let process = setup.start(true).await?;
    let (flooded, at) = (setup.source().await?, process.address);
    let other = another(at, &setup).await?;
    let lasts = Duration::from_secs(options.seconds);

    let (before, begun) = (reads(at).await?, Instant::now());
    let quiet = probe(at, &other, &sink, "quiet", lasts).await?;
    let read = (reads(at).await? - before) / begun.elapsed().as_secs_f64();
    say(format_args!("quiet: {} alerts; {read:.1} items read a second", quiet.answered.len()));
    show("quiet", &quiet, None);
    for (name, secret) in [("forged", "forged"), ("flooded", &*flooded.secret)] {
        let before = reads(at).await?;
        let flood = Flood::begin(at, &Source { path: flooded.path.clone(), secret: secret.to_owned() });
        let seen = probe(at, &other, &sink, name, lasts).await?;
        let (sent, taken, took) = flood.end().await;
        let rate = sent as f64 / took.as_secs_f64();
        let read = (reads(at).await? - before) / took.as_secs_f64();
        say(format_args!(
            "{name}: {rate:.0} requests/s of {RATE} for {took:.0?}, {taken} of {sent} taken; {read:.1} items read a second"
        ));
        show(name, &seen, Some(&quiet));
    }
    process.stop().await?;
    std::fs::remove_dir_all(&setup.data)?;
    Ok(())
}

/// A second source.
async fn another(at: SocketAddr, setup: &Setup) -> anyhow::Result<Source> {
    let key = std::fs::read_to_string(setup.data.join("api-key"))?;
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
    let url = field("alert_events_url").context("a source has an address")?;
    let path = url.splitn(4, '/').nth(3).context("an address has a path")?;
    Ok(Source { path: format!("/{path}"), secret: field("secret_token").context("a source has a secret")? })
}

/// How many units of reading were asked of the table so far.
async fn reads(at: SocketAddr) -> anyhow::Result<f64> {
    let shown = request(at, "GET", "/metrics", None, "").await?;
    let units = shown.body.lines().filter(|line| line.starts_with(READS) && !line.starts_with('#'));
    Ok(units.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// Sends an alert after another, and waits until each is paged.
async fn probe(
    at: SocketAddr,
    to: &Source,
    sink: &Sink,
    name: &str,
    lasts: Duration,
) -> anyhow::Result<Seen> {
    let (mut answered, mut sent) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < lasts {
        let title = format!("{name} probe {}", sent.len());
        let body = delivery(&title, &title.replace(' ', "-"), false);
        let (asked, stamp) = (Instant::now(), local_now());
        let answer = request(at, "POST", &to.path, Some(&to.secret), &body).await?;
        ensure!(answer.status == 202, "{title} was answered {} {}", answer.status, answer.body);
        answered.push(asked.elapsed());
        sent.push((title, stamp));
        tokio::time::sleep(PROBE.saturating_sub(asked.elapsed())).await;
    }
    let over = Instant::now();
    let mut paged = Vec::new();
    for (title, stamp) in sent {
        let mail = loop {
            let mails = sink.mails();
            if let Some(mail) = mails.iter().find(|mail| mail.text.contains(&format!("{title}\r\n"))) {
                break mail.at;
            }
            ensure!(over.elapsed() < PATIENCE, "{title} was never paged");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        paged.push(mail.duration_since(stamp).unsigned_abs());
    }
    Ok(Seen { answered, paged })
}

/// The value below which so many in a hundred are.
fn percentile(all: &[Duration], percent: usize) -> Duration {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// Says how the other source fared, and how many times worse than in quiet.
fn show(name: &str, seen: &Seen, quiet: Option<&Seen>) {
    for (what, times, before) in [
        ("answered", &seen.answered, quiet.map(|quiet| &quiet.answered)),
        ("paged", &seen.paged, quiet.map(|quiet| &quiet.paged)),
    ] {
        let (half, most) = (percentile(times, 50), percentile(times, 99));
        let ratio = before.map(|before| {
            let ratio = most.as_secs_f64() / percentile(before, 99).as_secs_f64();
            format!(", {ratio:.1} times the p99 of quiet")
        });
        let ratio = ratio.unwrap_or_default();
        say(format_args!(
            "{name}: the other source is {what} within p50 {half:.1?}, p99 {most:.1?} ({} of {}){ratio}",
            times.len(),
            seen.answered.len()
        ));
    }
}

/// Requests as fast as they are meant to come, over connections that stay open.
struct Flood {
    begun: Instant,
    over: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    taken: Arc<AtomicUsize>,
    senders: JoinSet<()>,
}

impl Flood {
    fn begin(at: SocketAddr, to: &Source) -> Self {
        let mut flood = Self {
            begun: Instant::now(),
            over: Arc::default(),
            sent: Arc::default(),
            taken: Arc::default(),
            senders: JoinSet::new(),
        };
        for n in 0..CONNECTIONS {
            let (over, sent, taken, to) =
                (flood.over.clone(), flood.sent.clone(), flood.taken.clone(), to.clone());
            flood.senders.spawn(async move {
                let mut pause = tokio::time::interval(Duration::from_secs(1) * CONNECTIONS / RATE);
                pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                while !over.load(Ordering::Relaxed) {
                    let Ok(stream) = TcpStream::connect(at).await else { continue };
                    let mut stream = BufReader::new(stream);
                    while !over.load(Ordering::Relaxed) {
                        pause.tick().await;
                        let key = (n as usize + sent.load(Ordering::Relaxed)) % KEYS;
                        let Ok(status) = exchange(&mut stream, at, &to, key).await else { break };
                        sent.fetch_add(1, Ordering::Relaxed);
                        taken.fetch_add(usize::from(status == 202), Ordering::Relaxed);
                    }
                }
            });
        }
        flood
    }

    /// How many requests were answered, how many of them were taken, and how long it lasted.
    async fn end(mut self) -> (usize, usize, Duration) {
        self.over.store(true, Ordering::Relaxed);
        let took = self.begun.elapsed();
        while self.senders.join_next().await.is_some() {}
        (self.sent.load(Ordering::Relaxed), self.taken.load(Ordering::Relaxed), took)
    }
}

/// One request and its answer's status.
async fn exchange(
    stream: &mut BufReader<TcpStream>,
    at: SocketAddr,
    to: &Source,
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
        ensure!(stream.read_line(&mut line).await? > 0, "the connection ended");
        let text = line.trim();
        if text.is_empty() {
            break;
        }
        if status == 0 {
            status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status")?;
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
