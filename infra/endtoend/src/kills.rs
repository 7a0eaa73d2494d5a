//! Scenario: `kill -9` at random moments under load, also during a restart; no accepted alert is lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::ensure;
use testing::ledger::Ledger;

use crate::http::{delivery, request};
use crate::inbox::Inbox;
use crate::process::{AlertSource, Installation};
use crate::{Options, say};

/// The number of clients that send at the same time.
const CLIENTS: usize = 4;

/// The names of the accepted alerts.
type AcceptedAlerts = Arc<Mutex<Vec<String>>>;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let begun = Instant::now();
    let inbox = Inbox::start().await?;
    let installation = Installation::new(&options.binary, inbox.url())?;
    let mut process = Some(installation.start(true).await?);
    let source = installation.demo_source().await?;
    let accepted = AcceptedAlerts::default();
    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            tokio::spawn(client(
                installation.clone(),
                source.clone(),
                accepted.clone(),
                stop.clone(),
                next.clone(),
            ))
        })
        .collect();

    let mut in_restart = 0;
    for kill in 0..options.kills {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..1500))).await;
        if let Some(process) = process.take() {
            process.kill().await?;
        }
        if kill % 3 == 2 {
            // Kill it once more while it starts.
            let mut child = installation.spawn(false)?;
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..60))).await;
            child.kill().await?;
            in_restart += 1;
        }
        process = Some(installation.start(false).await?);
    }
    while lock(&accepted).len() < options.alerts {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await?;
    }
    let accepted = lock(&accepted).clone();
    // The alert of the demo makes one email more.
    let drained = drain(&inbox, accepted.len() + 1).await;
    if let Some(process) = process.take() {
        process.stop().await?;
    }
    judge(options, &installation, &inbox, &accepted, in_restart, drained, begun).await?;
    std::fs::remove_dir_all(&installation.data)?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends alerts one after the other; each is repeated until it is accepted.
async fn client(
    installation: Installation,
    source: AlertSource,
    accepted: AcceptedAlerts,
    stop: Arc<AtomicBool>,
    next: Arc<AtomicUsize>,
) {
    while !stop.load(Ordering::SeqCst) {
        let n = next.fetch_add(1, Ordering::SeqCst);
        let name = format!("alert {n}");
        let body = delivery(&name, &format!("{n:016x}"), false);
        while !stop.load(Ordering::SeqCst) {
            let sent = request(installation.address, "POST", &source.path, Some(&source.secret), &body).await;
            if sent.is_ok_and(|answer| answer.status == 202) {
                lock(&accepted).push(name);
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..60))).await;
    }
}

/// Waits until as many different emails have arrived, or time is up.
async fn drain(inbox: &Inbox, wanted: usize) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(150) {
        let different: std::collections::BTreeSet<_> =
            inbox.mails().iter().filter_map(|mail| mail.header("message-id").map(str::to_owned)).collect();
        if different.len() >= wanted {
            // Time for repeated emails to arrive; the table says which of them are explained.
            tokio::time::sleep(Duration::from_secs(2)).await;
            return begun.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    begun.elapsed()
}

/// Compares the table of the stopped process with the accepted alerts and the emails.
async fn judge(
    options: &Options,
    installation: &Installation,
    inbox: &Inbox,
    accepted: &[String],
    in_restart: usize,
    drained: Duration,
    begun: Instant,
) -> anyhow::Result<()> {
    let embedded = embedded::Embedded::open(&installation.data, local::queues::specs(), Arc::new(|| 0))?;
    let ledger = Ledger::read(&embedded.backend()).await?;
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
    let mails = inbox.mails();
    let emails_of = |page: &str| mails.iter().filter(|mail| mail.text.contains(page)).count();
    let mut unpaged = Vec::new();
    let mut doubled = 0;
    let mut unexplained = Vec::new();
    for page in &ledger.notifications {
        let key = page.idempotency_key();
        let times = emails_of(&key);
        let again = page.attempts.log.iter().filter(|entry| entry.to == "pending").count();
        if times == 0 {
            unpaged.push(key.clone());
        }
        doubled += times.saturating_sub(1);
        if times > 1 + again {
            unexplained.push(key);
        }
    }
    say(format_args!(
        "kills: {} times kill -9 ({in_restart} more during a restart), {} alerts accepted, {} deduplication keys, {} alerts, \
         {} incidents, {} escalations, {} notifications, {} emails; lost {}, twice {}, not notified {}, repeated emails \
         {doubled} (unexplained {}), last email after {:.1?}, {:.1?} in all",
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
    ensure!(lost.is_empty(), "lost alerts: {lost:?}; see {}", installation.data.display());
    ensure!(
        twice.is_empty() && odd.is_empty(),
        "alerts that are there twice: {twice:?}; without exactly one incident and escalation: {odd:?}"
    );
    ensure!(
        ledger.keys.len() == ledger.alerts.len(),
        "the number of deduplication keys is not the number of alerts"
    );
    ensure!(
        ledger.incidents.len() == ledger.alerts.len(),
        "the number of incidents is not the number of alerts"
    );
    ensure!(
        ledger.escalations.len() == ledger.alerts.len(),
        "the number of escalations is not the number of alerts"
    );
    ensure!(
        unpaged.is_empty(),
        "notifications without an email: {unpaged:?}; see {}",
        installation.data.display()
    );
    ensure!(
        unexplained.is_empty(),
        "emails repeated without a retry in the notification's log: {unexplained:?}"
    );
    Ok(())
}
