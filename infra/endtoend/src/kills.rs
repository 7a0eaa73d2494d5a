//! `kill -9` at random moments under load, during restart too: nothing that was accepted is lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::ensure;
use testing::ledger::Ledger;

use crate::http::{delivery, request};
use crate::process::{Setup, Source};
use crate::sink::Sink;
use crate::{Options, say};

/// How many clients send at the same time.
const CLIENTS: usize = 4;

/// What was accepted, by the alert's name.
type Accepted = Arc<Mutex<Vec<String>>>;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let begun = Instant::now();
    let sink = Sink::start().await?;
    let setup = Setup::fresh(&options.binary, sink.url())?;
    let mut process = Some(setup.start(true).await?);
    let source = setup.source().await?;
    let accepted = Accepted::default();
    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            tokio::spawn(client(setup.clone(), source.clone(), accepted.clone(), stop.clone(), next.clone()))
        })
        .collect();

    let mut in_restart = 0;
    for kill in 0..options.kills {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..1500))).await;
        if let Some(process) = process.take() {
            process.kill().await?;
        }
        if kill % 3 == 2 {
            // Killed again while it starts.
            let mut child = setup.spawn(false)?;
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..60))).await;
            child.kill().await?;
            in_restart += 1;
        }
        process = Some(setup.start(false).await?);
    }
    while lock(&accepted).len() < options.alerts {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await?;
    }
    let accepted = lock(&accepted).clone();
    // The demonstration's own alert pages, too.
    let drained = drain(&sink, accepted.len() + 1).await;
    if let Some(process) = process.take() {
        process.stop().await?;
    }
    judge(options, &setup, &sink, &accepted, in_restart, drained, begun).await?;
    std::fs::remove_dir_all(&setup.data)?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends alerts one after the other, each until it is accepted.
async fn client(
    setup: Setup,
    source: Source,
    accepted: Accepted,
    stop: Arc<AtomicBool>,
    next: Arc<AtomicUsize>,
) {
    while !stop.load(Ordering::SeqCst) {
        let n = next.fetch_add(1, Ordering::SeqCst);
        let name = format!("alert {n}");
        let body = delivery(&name, &format!("{n:016x}"), false);
        while !stop.load(Ordering::SeqCst) {
            let sent = request(setup.address, "POST", &source.path, Some(&source.secret), &body).await;
            if sent.is_ok_and(|answer| answer.status == 202) {
                lock(&accepted).push(name);
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..60))).await;
    }
}

/// Waits until as many people were told, or nothing more comes.
async fn drain(sink: &Sink, wanted: usize) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(150) {
        let told: std::collections::BTreeSet<_> =
            sink.mails().iter().filter_map(|mail| mail.header("message-id").map(str::to_owned)).collect();
        if told.len() >= wanted {
            // Doubles would come within a lease and a sweep; those that matter are counted from the table as well.
            tokio::time::sleep(Duration::from_secs(2)).await;
            return begun.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    begun.elapsed()
}

/// Reads the table of the stopped process and compares.
async fn judge(
    options: &Options,
    setup: &Setup,
    sink: &Sink,
    accepted: &[String],
    in_restart: usize,
    drained: Duration,
    begun: Instant,
) -> anyhow::Result<()> {
    let embedded = embedded::Embedded::open(&setup.data, local::queues::specs(), Arc::new(|| 0))?;
    let ledger = Ledger::read(&embedded.wire()).await?;
    let mut by_title: BTreeMap<&str, usize> = BTreeMap::new();
    for alert in &ledger.alerts {
        *by_title.entry(&alert.title).or_default() += 1;
    }
    let lost: Vec<_> = accepted.iter().filter(|name| !by_title.contains_key(name.as_str())).collect();
    let twice: Vec<_> = by_title.iter().filter(|(_, count)| **count != 1).collect();
    let odd: Vec<_> = ledger
        .alerts
        .iter()
        .filter(|alert| alert.incident.is_none() || alert.escalations.len() != 1)
        .map(|alert| &alert.title)
        .collect();
    let mails = sink.mails();
    let told = |page: &str| mails.iter().filter(|mail| mail.text.contains(page)).count();
    let mut unpaged = Vec::new();
    let mut doubled = 0;
    let mut unexplained = Vec::new();
    for page in &ledger.notifications {
        let key = page.idempotency_key();
        let times = told(&key);
        let again = page.log.iter().filter(|entry| entry.to == "pending").count();
        if times == 0 {
            unpaged.push(key.clone());
        }
        doubled += times.saturating_sub(1);
        if times > 1 + again {
            unexplained.push(key);
        }
    }
    say(format_args!(
        "kills: {} kill -9 ({in_restart} more during restart), {} alerts accepted, {} key rows, {} alerts, \
         {} incidents, {} escalations, {} pages, {} mails; lost {}, twice {}, unpaged {}, doubled {doubled} \
         (unexplained {}), drained in {:.1?}, {:.1?} in all",
        options.kills,
        accepted.len(),
        ledger.keys.len(),
        ledger.alerts.len(),
        ledger.incidents.len(),
        ledger.escalations.len(),
        ledger.notifications.len(),
        mails.len(),
        lost.len(),
        twice.len(),
        unpaged.len(),
        unexplained.len(),
        drained,
        begun.elapsed(),
    ));
    ensure!(lost.is_empty(), "lost: {lost:?}; see {}", setup.data.display());
    ensure!(twice.is_empty() && odd.is_empty(), "twice: {twice:?}, odd: {odd:?}");
    ensure!(ledger.keys.len() == ledger.alerts.len(), "there are as many key rows as alerts");
    ensure!(ledger.incidents.len() == ledger.alerts.len(), "there are as many incidents as alerts");
    ensure!(ledger.escalations.len() == ledger.alerts.len(), "there are as many escalations as alerts");
    ensure!(unpaged.is_empty(), "unpaged: {unpaged:?}; see {}", setup.data.display());
    ensure!(unexplained.is_empty(), "doubled without a lost mark: {unexplained:?}");
    Ok(())
}
