//! Scenario: the mail server is down for a while; every email arrives within a minute of its return.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::http::{delivery, request};
use crate::inbox::Inbox;
use crate::process::Installation;
use crate::{Options, say};

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut inbox = Inbox::start().await?;
    let installation = Installation::new(&options.binary, inbox.url())?;
    let process = installation.start(true).await?;
    let source = installation.demo_source().await?;
    while inbox.mails().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    inbox.stop();
    let begun = Instant::now();
    for n in 0..options.alerts {
        let body = delivery(&format!("alert {n}"), &format!("{n:016x}"), false);
        let answer = request(process.address, "POST", &source.path, Some(&source.secret), &body).await?;
        ensure!(
            answer.status == 202,
            "alert {n} was answered with status {}: {}",
            answer.status,
            answer.body
        );
    }
    tokio::time::sleep(Duration::from_secs(options.seconds).saturating_sub(begun.elapsed())).await;
    let down = begun.elapsed();
    ensure!(inbox.mails().len() == 1, "an email arrived at a server that was down");
    inbox.restart().await?;
    let back = Instant::now();
    let has_email = |name: &str| inbox.mails().iter().any(|mail| mail.text.contains(name));
    let mut unpaged: Vec<String> = (0..options.alerts).map(|n| format!("alert {n}")).collect();
    while !unpaged.is_empty() && back.elapsed() < Duration::from_secs(90) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        unpaged.retain(|name| !has_email(name));
    }
    let took = back.elapsed();
    say(format_args!(
        "outage: the mail server was down for {down:.0?}; the emails of {} of {} alerts arrived within {took:.1?} of its \
         return, {} emails in all",
        options.alerts - unpaged.len(),
        options.alerts,
        inbox.mails().len(),
    ));
    ensure!(unpaged.is_empty(), "alerts without an email: {unpaged:?}");
    ensure!(
        took < Duration::from_secs(60),
        "the last email arrived {took:.1?} after the return of the mail server; at most 60 s are allowed"
    );
    process.stop().await?;
    std::fs::remove_dir_all(&installation.data)?;
    Ok(())
}
