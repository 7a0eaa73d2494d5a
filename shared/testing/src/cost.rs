//! What an installation costs: calls and units counted in a run of the whole bundle, at list prices.
//!
//! Counted are the calls of the functions and the units that they are charged for. What AWS does around them (polling,
//! calling a function, the alarms) follows from the template; how long a function runs is assumed, and said so.

use std::fmt::Write as _;
use std::fs;

use anyhow::Context;
use embedded::{Service, Snapshot, UnitKind, UnitTarget};

use crate::bundle::Bundle;
use crate::faults::FaultPlan;
use crate::inbox::Provider;
use crate::sender::Alert;
use crate::template::{Template, root};

/// Where the prices are from.
pub const SOURCE: &str = "AWS's list prices, us-east-1, on demand, arm64, without free tiers, as known in November 2026: compare \
                          aws.amazon.com/pricing";

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostItem {
    /// A request through the front door.
    HttpRequest,
    /// A call of a function.
    Invocation,
    /// A gigabyte of memory for a second.
    GigabyteSecond,
    /// A unit of writing.
    WriteUnit,
    /// A unit of reading.
    ReadUnit,
    /// A request to a queue.
    QueueRequest,
    /// A tick of the schedule.
    Tick,
    /// A gigabyte of log.
    LogGigabyte,
    /// A secret, for a month.
    Secret,
    /// A metric of an alarm, for a month.
    AlarmMetric,
    /// A gigabyte of table, for a month, with its backup.
    StoredGigabyte,
}

impl CostItem {
    /// What one costs, in millionths of a dollar: the one table of prices.
    pub const fn price(self) -> f64 {
        match self {
            Self::HttpRequest => 1.0,
            Self::Invocation => 0.20,
            Self::GigabyteSecond => 13.3334,
            Self::WriteUnit => 0.625,
            Self::ReadUnit => 0.125,
            Self::QueueRequest => 0.40,
            Self::Tick => 1.0,
            Self::LogGigabyte => 500_000.0,
            Self::Secret => 400_000.0,
            Self::AlarmMetric => 100_000.0,
            Self::StoredGigabyte => 450_000.0,
        }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HttpRequest => "requests through the front door",
            Self::Invocation => "calls of functions",
            Self::GigabyteSecond => "GB-seconds of functions",
            Self::WriteUnit => "write units",
            Self::ReadUnit => "read units",
            Self::QueueRequest => "requests to queues",
            Self::Tick => "ticks of the schedule",
            Self::LogGigabyte => "GB of log",
            Self::Secret => "secrets",
            Self::AlarmMetric => "metrics of alarms",
            Self::StoredGigabyte => "GB of table and backup",
        }
    }
}

/// A bill: how many of what, and why.
#[derive(Debug, Clone)]
pub struct Bill {
    /// What it is for.
    pub title: String,
    /// How many of each item, and where they come from.
    pub lines: Vec<(CostItem, f64, String)>,
}

impl Bill {
    /// A line's share, in dollars.
    fn dollars((item, count, _): &(CostItem, f64, String)) -> f64 {
        item.price() * count / 1e6
    }

    /// All of it, in dollars.
    pub fn total(&self) -> f64 {
        self.lines.iter().map(Self::dollars).sum()
    }

    /// How many of an item are on it.
    pub fn count(&self, item: CostItem) -> f64 {
        self.lines.iter().filter(|line| line.0 == item).map(|line| line.1).sum()
    }

    /// As a table.
    pub fn show(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for line in &self.lines {
            let (item, count, why) = line;
            let _ =
                writeln!(text, "  ${:>8.4}  {count:>14.2} {:<32} {why}", Self::dollars(line), item.name());
        }
        let _ = writeln!(text, "  ${:>8.4}  in all", self.total());
        text
    }
}

/// Minutes of a month of 365/12 days.
const MINUTES: f64 = 43_800.0;
/// How many receives Lambda makes on an idle queue: five connections, each of which waits for 20 seconds.
const RECEIVES_A_MINUTE: f64 = 15.0;
/// What a call of a function writes to the log: Lambda's own three lines, and ours.
const LOG_BYTES: f64 = 1500.0;
/// How long a function is assumed to run, in seconds, and one that speaks with a mail server.
const SECONDS: f64 = 0.010;
const MAIL_SECONDS: f64 = 0.150;
/// How many idle minutes are measured.
const QUIET_MINUTES: u32 = 30;
/// How long to wait until the immediate effects of an alert are done.
pub const SETTLED_S: u64 = 5;
/// How long to wait until the effects of a notification are done, the second message of it too.
pub const PAGED_S: u64 = 28;
/// What an almost empty table holds, in GB.
const STORED: f64 = 0.01;

/// The condition of what is there only where mail is taken.
const TAKES_MAIL: &str = "TakesMail";

/// What the template says of cost.
struct DeclaredCosts {
    gigabytes: f64,
    queues: f64,
    secrets: f64,
    alarms: f64,
}

fn declared() -> anyhow::Result<DeclaredCosts> {
    let template = Template::load()?;
    let alarms = fs::read_to_string(root().join("infra/alarms.yaml")).context("reading infra/alarms.yaml")?;
    let count = |kind: &str| u32::try_from(template.resources(kind).len()).map(f64::from);
    let memory = template.at("/Globals/Function/MemorySize").as_u64().context("Globals has no MemorySize")?;
    let polled = template.resources("AWS::Lambda::EventSourceMapping");
    // One that is polled only where mail is taken costs nothing elsewhere.
    let polled = polled
        .iter()
        .filter(|(_, mapping)| mapping["EventSourceArn"]["Fn::GetAtt"][1] == "Arn")
        .filter(|(_, mapping)| mapping["Enabled"]["Fn::If"][0] != TAKES_MAIL)
        .count();
    let alarms = Template::parse(&alarms)?;
    let metrics: usize = alarms
        .resources("AWS::CloudWatch::Alarm")
        .iter()
        .filter(|(id, _)| alarms.at(&format!("/Resources/{id}/Condition")) != TAKES_MAIL)
        .map(|(_, alarm)| alarm["Metrics"].as_array().map_or(1, Vec::len))
        .sum();
    Ok(DeclaredCosts {
        gigabytes: f64::from(u32::try_from(memory)?) / 1024.0,
        queues: f64::from(u32::try_from(polled)?),
        secrets: count("AWS::SecretsManager::Secret")?,
        alarms: f64::from(u32::try_from(metrics)?),
    })
}

/// How often an operation was called.
fn calls(counted: &Snapshot, service: Service, operation: &str) -> f64 {
    let calls = counted.requests.get(&(service, operation.to_owned())).copied().unwrap_or_default();
    f64::from(u32::try_from(calls).unwrap_or(u32::MAX))
}

/// The units of a kind, in the table and its indexes.
fn units(counted: &Snapshot, kind: UnitKind) -> f64 {
    counted.total(kind, UnitTarget::Table) + counted.total(kind, UnitTarget::Index)
}

/// Counts what an hour of nothing takes, and makes a month of it.
///
/// # Errors
/// If the bundle cannot be started, or the template not be read.
pub async fn idle() -> anyhow::Result<Bill> {
    let declared = declared()?;
    let bundle = Bundle::start(1, FaultPlan::calm(), Provider::default()).await?;
    bundle.pass(90).await;
    let before = bundle.counts.snapshot();
    bundle.pass(u64::from(QUIET_MINUTES) * 60).await;
    let counted = bundle.counts.snapshot().since(&before);
    let a_minute = |counted: f64| counted / f64::from(QUIET_MINUTES);
    let reads = a_minute(units(&counted, UnitKind::Read));
    let writes = a_minute(units(&counted, UnitKind::Write));
    let sends = a_minute(calls(&counted, Service::Sqs, "SendMessage"));
    Ok(Bill {
        title: "idle, a month".to_owned(),
        lines: vec![
            (
                CostItem::QueueRequest,
                MINUTES * RECEIVES_A_MINUTE * declared.queues,
                format!("{} queues are polled; one more with MailDomain", declared.queues),
            ),
            (CostItem::QueueRequest, MINUTES * sends, "sent by the sweep".to_owned()),
            (
                CostItem::AlarmMetric,
                declared.alarms,
                "infra/alarms.yaml; two more with MailDomain".to_owned(),
            ),
            (CostItem::Secret, declared.secrets, "the installation's key, the first API key".to_owned()),
            (CostItem::ReadUnit, MINUTES * reads, format!("the sweep reads {reads} a minute")),
            (CostItem::WriteUnit, MINUTES * writes, "nothing is written".to_owned()),
            (CostItem::Tick, MINUTES, "the sweep".to_owned()),
            (CostItem::Invocation, MINUTES, "the sweep".to_owned()),
            (
                CostItem::GigabyteSecond,
                MINUTES * 0.050 * declared.gigabytes,
                "the sweep, 50 ms assumed".to_owned(),
            ),
            (CostItem::LogGigabyte, MINUTES * LOG_BYTES / 1e9, "the sweep, 1.5 KB assumed".to_owned()),
            (CostItem::StoredGigabyte, STORED, "assumed".to_owned()),
        ],
    })
}

/// Counts what one delivery takes until everything has settled, and makes a million of it.
async fn a_million(
    title: &str,
    bundle: &Bundle,
    alert: Alert,
    (mails, settled): (f64, u64),
) -> anyhow::Result<Bill> {
    let gigabytes = declared()?.gigabytes;
    let before = bundle.counts.snapshot();
    anyhow::ensure!(bundle.deliver(&[alert]).await, "the alert was not accepted");
    bundle.pass(settled).await;
    let counted = bundle.counts.snapshot().since(&before);
    let sends =
        calls(&counted, Service::Sqs, "SendMessage") + calls(&counted, Service::Sqs, "SendMessageBatch");
    let messages = f64::from(u32::try_from(counted.messages)?);
    // What a write tells the others comes by one call of the relay.
    let relayed = if messages > 1.0 { 1.0 } else { 0.0 };
    let called = 1.0 + messages + relayed;
    let million = 1e6;
    let seconds = (called - mails) * SECONDS + mails * MAIL_SECONDS;
    Ok(Bill {
        title: title.to_owned(),
        lines: vec![
            (
                CostItem::WriteUnit,
                million * counted.total(UnitKind::Write, UnitTarget::Table),
                "counted, table".to_owned(),
            ),
            (
                CostItem::WriteUnit,
                million * counted.total(UnitKind::Write, UnitTarget::Index),
                "counted, indexes".to_owned(),
            ),
            (CostItem::ReadUnit, million * units(&counted, UnitKind::Read), "counted".to_owned()),
            (
                CostItem::QueueRequest,
                million * (sends + messages * 2.0),
                format!("{messages} messages counted, in {sends} sends; each received and deleted alone"),
            ),
            (CostItem::HttpRequest, million, "one delivery".to_owned()),
            (
                CostItem::Invocation,
                million * called,
                format!("the source, {messages} by queue, {relayed} by the stream"),
            ),
            (
                CostItem::GigabyteSecond,
                million * seconds * gigabytes,
                "10 ms a call assumed, 150 ms with mail".to_owned(),
            ),
            (CostItem::LogGigabyte, million * called * LOG_BYTES / 1e9, "1.5 KB a call assumed".to_owned()),
        ],
    })
}

/// Counts a duplicate of an alert that is open.
///
/// # Errors
/// If the bundle cannot be started, or the alert is not accepted.
pub async fn duplicate() -> anyhow::Result<Bill> {
    let bundle = warm().await?;
    let alert = Alert::now(&bundle, "fire");
    known(&bundle, &alert).await;
    a_million("a million duplicates", &bundle, alert, (0.0, SETTLED_S)).await
}

/// Counts a new alert that opens an incident and pages one person.
///
/// # Errors
/// If the bundle cannot be started, or the alert is not accepted.
pub async fn new_alert() -> anyhow::Result<Bill> {
    let bundle = warm().await?;
    let alert = Alert::now(&bundle, "fire");
    a_million("a million new alerts, each with an incident and a page", &bundle, alert, (1.0, PAGED_S)).await
}

/// Waits for half a minute without a sweep, with everything known that is looked up from time to time: the source's
/// door each half a minute, its last delivery each minute.
///
/// # Errors
/// If the alert that warms is not accepted.
pub async fn steady(bundle: &Bundle, name: &str) -> anyhow::Result<()> {
    let into = u64::try_from(bundle.now().as_millisecond() / 1000 % 60)?;
    // What was looked up before has to be looked up again by then.
    bundle.pass(120 - into + 2).await;
    anyhow::ensure!(bundle.deliver(&[Alert::now(bundle, name)]).await, "the alert was not accepted");
    bundle.pass(PAGED_S).await;
    Ok(())
}

/// Sends an alert until it is known, and the source's door has just been looked up again.
pub async fn known(bundle: &Bundle, alert: &Alert) {
    for _ in 0..2 {
        bundle.deliver(std::slice::from_ref(alert)).await;
        bundle.pass(4).await;
    }
}

/// A bundle whose functions have read their configuration, between two sweeps.
async fn warm() -> anyhow::Result<Bundle> {
    let bundle = Bundle::start(1, FaultPlan::calm(), Provider::default()).await?;
    steady(&bundle, "warm").await?;
    Ok(bundle)
}

/// Runs something in a runtime of its own, whose time passes only when everybody waits.
///
/// # Errors
/// If the runtime cannot be made, or what runs in it fails.
pub fn in_a_story<T>(what: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(what)
}
