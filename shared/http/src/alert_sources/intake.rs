//! Filter, rate limit, expiry and heartbeat options of a source, in requests and responses.

use domain::source::backfill::Backfill;
use domain::source::heartbeat::{Heartbeat, PingSchedule};
use domain::source::{AutoResolve, DraftSample, FilteredCount, IntakeRules, RateLimit};
use machine::{State as _, Stateful};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sources::KindOptions;

use super::SourceBody;
use super::options::read;
use crate::ApiError;
use crate::api::Answer;
use crate::binding::groups;

/// The field of the rate limit (Firebell extension).
const RATE_LIMIT: &str = "rate_limit";

/// The field of the path by whose values the rate limit counts separately.
const SHARDING: &str = "rate_limit_sharding";

/// The heartbeat options in a request.
#[derive(Deserialize)]
struct HeartbeatBody {
    interval_seconds: u32,
    grace_period_seconds: Option<u32>,
    failure_threshold: Option<u32>,
}

/// The rate limit in a request.
#[derive(Deserialize)]
struct LimitBody {
    alerts_per_minute: u32,
}

/// The path by whose values the rate limit counts separately, in a request.
#[derive(Deserialize)]
struct ShardingBody {
    rate_limit_shard_key_path: String,
}

/// Converts the settings that decide which events become alerts.
///
/// # Errors
/// [`ApiError`] naming the field that cannot be evaluated.
pub(super) fn intake(body: &SourceBody) -> Answer<IntakeRules> {
    let filter = body.filter_condition_groups.clone().unwrap_or_default();
    let filter = groups("filter_condition_groups", filter)?;
    let rest = &body.rest;
    Ok(IntakeRules { filter, limit: limit(rest)?, lasts: lasts(rest)?, beat: beat_of(rest)? })
}

/// Converts the heartbeat options of a request.
fn beat_of(rest: &Map<String, Value>) -> Answer<Option<PingSchedule>> {
    let options: Option<HeartbeatBody> = read(rest, KindOptions::Heartbeat.field())?;
    Ok(options.map(|options| {
        PingSchedule::new(options.interval_seconds, options.grace_period_seconds, options.failure_threshold)
    }))
}

/// The heartbeat options in a response, with the ping address.
pub(super) fn beat(beat: &PingSchedule, ping_url: &str) -> Value {
    json!({
        "interval_seconds": beat.interval_s,
        "grace_period_seconds": beat.grace_s,
        "failure_threshold": beat.threshold,
        "ping_url": ping_url,
    })
}

/// The state of a heartbeat in a response.
pub(super) fn heartbeat(job: Option<&Heartbeat>) -> Value {
    match job {
        None => json!({ "status": "waiting" }),
        Some(job) => json!({ "status": job.head().state().name(), "last_ping_at": job.last_ping_at }),
    }
}

/// Converts the time after which an alert resolves if its source has not repeated it.
fn lasts(rest: &Map<String, Value>) -> Answer<Option<AutoResolve>> {
    let minutes: Option<u32> = read(rest, "auto_resolve_timeout_minutes")?;
    let in_incidents: Option<bool> = read(rest, "auto_resolve_incident_alerts")?;
    Ok(minutes.map(|minutes| AutoResolve { minutes, in_incidents: in_incidents.unwrap_or(false) }))
}

/// Converts the rate limit. A path to count by is invalid without a limit.
fn limit(rest: &Map<String, Value>) -> Answer<Option<RateLimit>> {
    let sharding: Option<ShardingBody> = read(rest, SHARDING)?;
    let shard = sharding.map(|body| body.rate_limit_shard_key_path).filter(|path| !path.trim().is_empty());
    match (read::<LimitBody>(rest, RATE_LIMIT)?, shard) {
        (Some(limit), shard) => Ok(Some(RateLimit { per_minute: limit.alerts_per_minute, shard })),
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let reason = "This alert source has no rate limit. Add `rate_limit: {alerts_per_minute}`";
            Err(ApiError::invalid(SHARDING, reason))
        }
    }
}

/// The progress of a backfill in a response.
pub(super) fn backfill(backfill: &Backfill) -> Value {
    let progress = backfill.progress;
    let mut shown = json!({
        "status": backfill.head().state().name(),
        "asked_at": backfill.asked_at,
        "back_to": backfill.back_to(),
        "alerts_read": progress.read,
        "alerts_changed": progress.changed,
        "alerts_skipped": progress.skipped,
    });
    if let Some(through) = progress.through {
        shown["through"] = json!(through.at());
    }
    shown
}

/// Adds the filtered events, and the last event of a draft, to a response.
pub(super) fn show(shown: &mut Value, filtered: &[FilteredCount], sample: Option<&DraftSample>) {
    let day = |day: &FilteredCount| {
        let FilteredCount { day, count, last_title, last_at } = day;
        json!({ "day": day, "count": count, "last_title": last_title, "last_at": last_at })
    };
    if !filtered.is_empty() {
        shown["filtered"] = filtered.iter().map(day).collect();
    }
    if let Some(sample) = sample {
        shown["last_event"] = json!({
            "received_at": sample.received_at,
            "title": sample.event.title,
            "status": sample.event.status.name(),
            "deduplication_key": sample.event.deduplication_key,
        });
    }
}
