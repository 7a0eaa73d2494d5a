//! The mail server is down for a while: everybody is paged within a minute of its return.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::http::{delivery, request};
use crate::process::Setup;
use crate::sink::Sink;
use crate::{Options, say};

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut sink = Sink::start().await?;
    let setup = Setup::fresh(&options.binary, sink.url())?;
    let process = setup.start(true).await?;
    let source = setup.source().await?;
    while sink.mails().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sink.down();
    let begun = Instant::now();
    for n in 0..options.alerts {
        let body = delivery(&format!("alert {n}"), &format!("{n:016x}"), false);
        let answer = request(process.address, "POST", &source.path, Some(&source.secret), &body).await?;
        ensure!(answer.status == 202, "alert {n} was answered {} {}", answer.status, answer.body);
    }
    tokio::time::sleep(Duration::from_secs(options.seconds).saturating_sub(begun.elapsed())).await;
    let down = begun.elapsed();
    ensure!(sink.mails().len() == 1, "a mail arrived at a server that was down");
    sink.up().await?;
    let back = Instant::now();
    let told = |name: &str| sink.mails().iter().any(|mail| mail.text.contains(name));
    let mut unpaged: Vec<String> = (0..options.alerts).map(|n| format!("alert {n}")).collect();
    while !unpaged.is_empty() && back.elapsed() < Duration::from_secs(90) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        unpaged.retain(|name| !told(name));
    }
    let took = back.elapsed();
    say(format_args!(
        "outage: the mail server was down for {down:.0?}; {} of {} alerts were paged within {took:.1?} of its return, \
         {} mails in all",
        options.alerts - unpaged.len(),
        options.alerts,
        sink.mails().len(),
    ));
    ensure!(unpaged.is_empty(), "unpaged: {unpaged:?}");
    ensure!(took < Duration::from_secs(60), "it took {took:?}");
    process.stop().await?;
    std::fs::remove_dir_all(&setup.data)?;
    Ok(())
}
