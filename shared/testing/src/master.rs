//! The master story: many alerts over some keys, with resolves, re-fires and acknowledgements, while AWS does its worst.

mod judge;

use std::collections::BTreeMap;

use axum::body::Body;
use domain::id::{EscalationId, UserId};
use domain::{Actor, Timestamp};
use fastrand::Rng;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::bundle::Bundle;
use crate::faults::{Fault, FaultPlan};
use crate::inbox::Provider;

/// The size of a story.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The number of events.
    pub events: usize,
    /// The number of deduplication keys.
    pub keys: usize,
}

/// The outcome of a story.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Firings that were accepted.
    pub accepted: usize,
    /// Requests that were refused or never answered.
    pub refused: usize,
    /// Acknowledgements that are durable.
    pub acknowledged: usize,
    /// Alerts that joined a group.
    pub joined: usize,
    /// Notifications that arrived.
    pub arrived: usize,
    /// Notifications that arrived twice.
    pub doubled: usize,
    /// Notifications to the webhook receiver, which takes each key once.
    pub told_once: usize,
    /// The faults that allow a page to arrive again: it was sent, and the mark or the answer was lost.
    pub unmarked: usize,
    /// Firings that lasted a minute and were over unpaged, because a queue kept their messages back or lost both of a page.
    pub late: usize,
    /// Faults that were injected, by name.
    pub faults: BTreeMap<String, u64>,
    /// The hash of every call and what became of it.
    pub hash: u64,
    /// Violations: each must be explained.
    pub wrong: Vec<String>,
}

/// The faults of the master story: 5 % of calls fail, half of them after applying; a queue after `alert-handle` loses
/// 1 %; 1 % of invocations are killed.
pub fn plan() -> FaultPlan {
    FaultPlan {
        before: 0.025,
        after: 0.025,
        as_error: 0.5,
        stale: 0.5,
        lag: 50,
        conflict: 0.02,
        throttled: 0.01,
        unprocessed: 0.05,
        batch_failed: 0.05,
        doubled: 0.1,
        delayed: 0.05,
        delay_s: 30,
        lost: 0.01,
        lossy: ["escalation-tick", "notification-send"].map(str::to_owned).into(),
        reordered: 0.2,
        stream_reordered: 0.2,
        stream_repeated: 0.1,
        killed: 0.01,
        killed_within: 12,
        latency_ms: 20,
    }
}

/// How long alerts join a group, in the stories that group: those of odd seeds.
const WINDOW_SECONDS: u32 = 120;

/// Over how many groups.
const GROUPS: usize = 4;

/// What was sent and accepted of one key, in the sender's order.
#[derive(Debug, Clone, Copy)]
struct Sent {
    firing: bool,
    at: Timestamp,
    accepted_at: Timestamp,
}

/// A key on the sender's side.
#[derive(Debug, Clone, Default)]
struct Key {
    firing_since: Option<Timestamp>,
    accepted: Vec<Sent>,
}

/// The story while it is told.
struct Teller<'a> {
    bundle: &'a Bundle,
    rng: Rng,
    keys: Vec<Key>,
    acked: BTreeMap<EscalationId, Timestamp>,
    outcome: Outcome,
}

/// Tells one story.
///
/// # Errors
/// If the bundle cannot be made.
pub async fn tell(seed: u64, size: Size) -> anyhow::Result<Outcome> {
    tell_with(seed, size, plan()).await
}

/// Tells one story with other faults.
///
/// # Errors
/// If the bundle cannot be made.
pub async fn tell_with(seed: u64, size: Size, plan: FaultPlan) -> anyhow::Result<Outcome> {
    let provider = Provider { refuses: 0.03, mute: 0.01, down: false };
    let bundle = Bundle::start(seed, plan, provider).await?;
    let grouped = seed % 2 == 1;
    if grouped {
        bundle.group_by("team", WINDOW_SECONDS).await?;
    }
    if seed.is_multiple_of(3) {
        bundle.add_webhook().await?;
    }
    let mut teller = Teller {
        bundle: &bundle,
        rng: Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        keys: vec![Key::default(); size.keys],
        acked: BTreeMap::new(),
        outcome: Outcome { seed, ..Outcome::default() },
    };
    for _ in 0..size.events {
        teller.step().await;
    }
    // Time for the last events to page, and for delayed messages to arrive.
    bundle.pass(90).await;
    bundle.faults.end();
    bundle.inbox.provider(Provider::default());
    // Two visibility timeouts of the slowest queue.
    bundle.pass(180).await;
    let mut outcome = teller.judge().await?;
    outcome.hash = bundle.faults.log_hash();
    outcome.faults =
        bundle.faults.counters().iter().map(|(fault, count)| (format!("{fault:?}"), *count)).collect();
    bundle.stop().await;
    Ok(outcome)
}

impl Teller<'_> {
    /// Sends an event, or acknowledges an escalation.
    async fn step(&mut self) {
        let pause = self.rng.u64(0..6000);
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        match self.rng.u8(0..10) {
            0 => self.acknowledge().await,
            _ => self.send().await,
        }
    }

    /// The sender says something of a key: it fires, repeats, or is over.
    async fn send(&mut self) {
        let now = self.bundle.now();
        let n = self.rng.usize(..self.keys.len());
        let since = self.keys[n].firing_since;
        let over = since.is_some() && self.rng.u8(0..10) < 4;
        let started = since.unwrap_or(now);
        let ends = if over { now.to_string() } else { "0001-01-01T00:00:00Z".to_owned() };
        self.keys[n].firing_since = (!over).then_some(started);
        let body = json!({
            "version": "4", "receiver": "stories", "status": if over { "resolved" } else { "firing" },
            "externalURL": "http://alertmanager.example", "truncatedAlerts": 0, "groupKey": "{}",
            "alerts": [{
                "status": if over { "resolved" } else { "firing" },
                "labels": {"alertname": format!("Key{n}"), "severity": "critical", "team": (n % GROUPS).to_string()},
                "annotations": {"summary": format!("key {n} is on fire")},
                "startsAt": started.to_string(), "endsAt": ends,
                "generatorURL": "http://prometheus.example/graph", "fingerprint": format!("{n:016x}"),
            }],
        });
        let uri = format!("/v2/alert_events/alertmanager/{}", self.bundle.source());
        let secret = self.bundle.demo.secret.expose_secret();
        // The sender tries again what was not accepted, as Alertmanager does.
        for _ in 0..20 {
            let request = http::Request::post(&uri)
                .header("authorization", format!("Bearer {secret}"))
                .body(Body::from(body.to_string()))
                .expect("a request");
            let answer = self.bundle.request(request).await;
            if answer.is_some_and(|answer| answer.status() == 202) {
                let at = if over { now } else { started };
                self.keys[n].accepted.push(Sent { firing: !over, at, accepted_at: self.bundle.now() });
                self.outcome.accepted += usize::from(!over);
                return;
            }
            self.outcome.refused += 1;
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }

    /// Somebody acknowledges one of the pages that arrived.
    async fn acknowledge(&mut self) {
        let arrived = self.bundle.inbox.arrived();
        if arrived.is_empty() {
            return;
        }
        let page = &arrived[self.rng.usize(..arrived.len())].notification;
        let Some(Ok(id)) = page.split('.').next().map(str::parse::<EscalationId>) else { return };
        let by = Actor::paged(self.bundle.org, UserId::new(Timestamp::UNIX_EPOCH, 1));
        let context = &self.bundle.context;
        let acknowledging = app::escalation::respond::acknowledge(&context.store, &by, id, context.now());
        let answered = self.bundle.faults.invocation("acknowledge", acknowledging).await.output();
        if let Some(Ok(app::escalation::respond::StopOutcome::Now(_))) = answered {
            self.acked.entry(id).or_insert_with(|| self.bundle.now());
            self.outcome.acknowledged += 1;
        }
    }
}

/// The faults that a story must have met to prove anything.
pub fn met(outcomes: &[Outcome]) -> Vec<Fault> {
    Fault::ALL
        .iter()
        .copied()
        .filter(|fault| outcomes.iter().any(|outcome| outcome.faults.contains_key(&format!("{fault:?}"))))
        .collect()
}
